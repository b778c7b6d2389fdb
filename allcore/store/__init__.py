"""The database: accounts, sessions, history, reviews, settings, and their migrations."""
