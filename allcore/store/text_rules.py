"""Rules for strings in the database: names, e-mail addresses, and keys of images.

Each function returns the form to store.
"""

import re

from allcore.errors import StoreError

USERNAME = "3 to 32 letters a to z, digits, dots, hyphens or underscores"
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{2,31}")
_EMAIL = re.compile(r"[a-z0-9._%+-]{1,64}@(?:[a-z0-9-]{1,63}\.)+[a-z]{2,63}")
MAX_INPUT = 1000  # maximum characters read of a typed name; no account has a longer one
MAX_OF, MAX_IMAGE_ID = 200, 300
MAX_EMAIL, MAX_DISPLAY_NAME = 254, 100


def lookup_name(text: str) -> str:
    """Return the form of a typed name for lookups.

    Unprintable characters become replacement characters, since no database accepts all of them.
    """
    name = text.strip().lower()[:MAX_INPUT]
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name)


def username(text: str) -> str:
    """Return a new username in lower case; a StoreError where it breaks the rule."""
    name = lookup_name(text)
    if not _USERNAME.fullmatch(name):
        raise StoreError(f"A username has {USERNAME} and starts with a letter or digit.")
    return name


def email(text: str) -> str | None:
    """Return an e-mail address in lower case, None for an empty text; a StoreError otherwise."""
    address = text.strip().lower()
    if not address:
        return None
    if len(address) > MAX_EMAIL or not _EMAIL.fullmatch(address):
        raise StoreError("This is not an e-mail address; write it like name@hospital.org.")
    return address


def display_name(text: str) -> str:
    """Return a person's name with single spaces; errors as of `title`."""
    return title(text, MAX_DISPLAY_NAME, "A name has {}.")


def title(text: str, most: int, sentence: str) -> str:
    """Return a name with single spaces.

    Raises:
        StoreError: empty, too long, or with characters that can't be shown; `sentence` with the
            allowed length.
    """
    name = " ".join(text.split())
    if not 1 <= len(name) <= most or not name.isprintable():
        raise StoreError(sentence.format(f"1 to {most} characters"))
    return name


def scope_key(text: str) -> str:
    """Return the key of a data set or model: a digest or a name, unchanged.

    Raises:
        StoreError: empty, too long, or with characters that can't be shown.
    """
    if not 1 <= len(text) <= MAX_OF or not text.isprintable():
        raise StoreError(f"The name of the data or model must have 1 to {MAX_OF} characters.")
    return text


def image_id(text: str) -> str:
    """Return an image's id unchanged; errors as of `scope_key`."""
    if not 1 <= len(text) <= MAX_IMAGE_ID or not text.isprintable():
        raise StoreError(
            f"An image id must have 1 to {MAX_IMAGE_ID} characters that can be shown; "
            "rename the image."
        )
    return text


def printable(text: str, most: int) -> str:
    """Return an untrusted text, such as a file name, in a form to store and show.

    Unprintable characters become replacement characters. A long text loses its beginning, since the
    end of a path is more specific.
    """
    plain = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return plain if len(plain) <= most else "…" + plain[len(plain) - most + 1 :]
