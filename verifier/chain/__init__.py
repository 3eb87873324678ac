"""What nodes say, and how it is proved from a block's hash. Judges nothing."""
