"""The institute's API: intake, codes, statuses, look-ups and receipts. It gives no verdicts."""
