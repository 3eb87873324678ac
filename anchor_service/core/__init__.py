"""The pure part: bytes in, bytes out. No I/O, no clock, no environment, no logging."""
