"""The audit: a registry's whole history and its batches, judged from nodes and files that nobody needs to believe."""
