"""What names and e-mail addresses may look like; each function gives the form that is kept."""

import re

from allcore.errors import StoreError

USERNAME = "3 to 32 letters a to z, digits, dots, hyphens or underscores"
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{2,31}")
_EMAIL = re.compile(r"[a-z0-9._%+-]{1,64}@(?:[a-z0-9-]{1,63}\.)+[a-z]{2,63}")
MAX_TYPED = 1000
"""Characters of a name that are read at all; what is longer is nobody's."""
MAX_EMAIL, MAX_DISPLAY_NAME = 254, 100


def typed_username(text: str) -> str:
    """Give the form in which a name that someone typed is looked up.

    What can't be shown becomes a replacement character: no database takes all of it.
    """
    name = text.strip().lower()
    return "".join(each if each.isprintable() else "\ufffd" for each in name[:MAX_TYPED])


def username(text: str) -> str:
    """Give a new username in lower case.

    Raises:
        StoreError: it breaks the rule.
    """
    name = typed_username(text)
    if not _USERNAME.fullmatch(name):
        raise StoreError(f"A username has {USERNAME} and starts with a letter or digit.")
    return name


def email(text: str) -> str | None:
    """Give an e-mail address in lower case, or None where none is given.

    Raises:
        StoreError: it is not an address.
    """
    address = text.strip().lower()
    if not address:
        return None
    if len(address) > MAX_EMAIL or not _EMAIL.fullmatch(address):
        raise StoreError("This is not an e-mail address; write it like name@hospital.org.")
    return address


def display_name(text: str) -> str:
    """Give a person's name with single spaces.

    Raises:
        StoreError: empty, too long, or with characters that can't be shown.
    """
    name = " ".join(text.split())
    if not 1 <= len(name) <= MAX_DISPLAY_NAME or not name.isprintable():
        raise StoreError(f"A name has 1 to {MAX_DISPLAY_NAME} characters.")
    return name
