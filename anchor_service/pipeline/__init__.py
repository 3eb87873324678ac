"""What happens to a certificate, one verb a file, in flow order: intake, sealing, anchoring, receipts, statuses."""
