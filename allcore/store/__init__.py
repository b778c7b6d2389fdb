"""What ALLScope keeps: the database, its migrations, and the accounts."""
