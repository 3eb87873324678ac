"""Numbers of the kinds of training in a window's scope, from the table in docs/spec/registry.md 4."""

NUMBERS = {
    "latsar": 0,
    "pkp": 1,
    "pka": 2,
    "pkn-2": 3,
    "pkn-1": 4,
    "manajerial": 5,
    "fungsional": 6,
    "teknis": 7,
    "sosial-kultural": 8,
    "sertifikasi-kompetensi": 9,
    "penjenjangan": 10,
    "workshop": 11,
    "seminar": 12,
    "bimtek": 13,
    "magang": 14,
    "e-learning": 15,
    "lainnya": 255,
}
