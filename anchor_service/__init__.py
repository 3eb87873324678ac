"""The service: takes certificates in, seals nightly batches, anchors them, hands out receipts."""
