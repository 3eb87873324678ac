"""The institute's API: intake, codes, statuses, look-ups and receipts. It speaks to no chain and gives no verdicts."""
