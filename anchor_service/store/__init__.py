"""The database: rows without behaviour, one query file a verb, and all SQL. Knows no chain."""
