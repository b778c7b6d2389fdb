"""Blind review and agreement of reviewers."""
