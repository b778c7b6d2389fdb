"""Settings that an administrator changes while the app runs."""

from allcore.web.accounts import Visitor
from allcore.web.administration import data_folders, registration, retention


def show(user: Visitor) -> None:
    """Draw the view."""
    registration.show(user)
    retention.show(user)
    data_folders.show(user)
