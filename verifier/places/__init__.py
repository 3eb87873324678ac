"""Where receipts and files lie for anybody to fetch. Believes nothing of what lies there."""
