"""The Evaluation page, one module a view."""
