"""Errors whose message is one sentence for the user.

Every message names the problem and the remedy; pages and commands show it unchanged.
"""


class AllScopeError(Exception):
    """An error that the user can act on; ``str(error)`` is the sentence to show."""


class Stopped(AllScopeError):
    """The person stopped the work; the sentence says what is kept, and where."""


class BadImage(AllScopeError):
    """An image that can't be read or must not be predicted."""


class DataError(AllScopeError):
    """A data set that is missing, incomplete or in an unknown layout."""


class ModelError(AllScopeError):
    """A model folder that is missing, damaged or of an unknown architecture."""


class StoreError(AllScopeError):
    """A database that can't be opened or an account change that is rejected."""
