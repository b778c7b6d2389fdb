"""Errors whose message is one sentence for the person at the screen.

Every message says what is wrong and what to do about it; pages and commands show it as it is.
"""


class AllScopeError(Exception):
    """Something the reader can act on; ``str(error)`` is the sentence to show."""


class BadImage(AllScopeError):
    """An image that can't be read or must not be answered."""


class DataError(AllScopeError):
    """A data set that is missing, incomplete or not in a known layout."""


class ModelError(AllScopeError):
    """A model folder that is missing, damaged or of an unknown architecture."""


class StoreError(AllScopeError):
    """A database that can't be opened or an account change that is refused."""
