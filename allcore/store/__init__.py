"""Persistence: accounts, sessions, history, reviews; SQLAlchemy models and migrations."""
