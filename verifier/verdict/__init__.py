"""From facts to one word, and its words. Reads no node, file or clock of its own."""
