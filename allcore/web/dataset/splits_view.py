"""To be written."""

from allcore.web.dataset.context import Context


def show(context: Context) -> None:
    """Draw the view."""
