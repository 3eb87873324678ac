"""What happens to a certificate, one step a file, in flow order.

By day:
    access      who may write: API keys, and codes that are printed before there is a file
    sheet       the institute's file, as lines of cells
    table       its lines, as rows of fields
    folder      PDFs or rows, as submissions
    naming      what a person calls a certificate, as that certificate
    intake      submissions, as rows that wait
    augmenting  issued files with something added, as more rows of the same certificates
By night:
    nights      dates: which night it is, what was missed, what is to be closed
    nightly     the run: everything that is due, issuer by issuer
    home        is the database of this registry
    holds       is the chain ahead of the database: then nothing new
    reconcile   do rows, leaves and chain add up
    sealing     what waits, as one batch with its root
    durable     files that are whole or not there
    filing      a batch's manifest and entries, before anything is signed
    anchoring   sign, store, and decide by reading the chain
    outbox      what is signed, sent in order of nonce, at a higher fee where it takes too long
Afterwards:
    receipts    a certificate's proof, from the stored leaves
    statuses    a change of status, for the next run to write
    mirror      what anybody may serve, as plain files
By a person:
    approval    the institute rebuilds a batch, and its approval is taken in
    deciding    what stands still: try again, or give up
    deeds       what people did to a certificate, and who
    erasing     a person's entry goes, every other proof stays
    rebuild     what the database lost, from chain and files
Beside:
    fsck        everything that is stored, against the chain
    backups     copies of the database and of what is filed, thinned
"""
