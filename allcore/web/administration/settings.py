"""Settings that an administrator changes while the app runs."""

from allcore.web.accounts import Visitor
from allcore.web.administration import data_folders, registering, retaining


def show(user: Visitor) -> None:
    """Draw the view."""
    registering.show(user)
    retaining.show(user)
    data_folders.show(user)
