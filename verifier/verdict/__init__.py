"""From facts to one word, and its words. Believes what `chain` proves; opens no file and knows no log."""
