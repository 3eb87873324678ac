"""What is handed in, read strictly: every unknown field, doubtful byte or odd number is refused. Asks nobody."""
