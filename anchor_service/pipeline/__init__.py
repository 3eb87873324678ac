"""What happens to a certificate, one verb a file, in flow order.

By day:       sheet, table, folder (what is handed in), intake, access (keys and codes)
By night:     nights (dates), nightly (the run), reconcile (is the chain ahead?), sealing, filing, durable, anchoring
Afterwards:   receipts, statuses, mirror
By a person:  approval, deciding, erasing, rebuild
Beside:       fsck
"""
