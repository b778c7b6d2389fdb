"""What rows about cells hang on: the data or model they belong to, and the image's id."""

from allcore.errors import StoreError

MAX_OF, MAX_IMAGE_ID = 200, 300


def of(text: str) -> str:
    """Give the key of a data set or model: a digest or a name, as the caller writes it.

    Raises:
        StoreError: empty, too long, or with characters that can't be shown.
    """
    if not 1 <= len(text) <= MAX_OF or not text.isprintable():
        raise StoreError(f"The name of the data or model must have 1 to {MAX_OF} characters.")
    return text


def image_id(text: str) -> str:
    """Give an image's id as it is, where it can be kept.

    Raises:
        StoreError: empty, too long, or with characters that can't be shown.
    """
    if not 1 <= len(text) <= MAX_IMAGE_ID or not text.isprintable():
        raise StoreError(
            f"An image id must have 1 to {MAX_IMAGE_ID} characters that can be shown; "
            "rename the image."
        )
    return text


def shown(text: str, most: int) -> str:
    """Give a text of unknown origin, such as a file's name, as it can be kept and shown.

    What can't be shown becomes a replacement character; what is too long loses its beginning, for
    the end of a path tells more.
    """
    plain = "".join(each if each.isprintable() else "\ufffd" for each in text)
    return plain if len(plain) <= most else "…" + plain[len(plain) - most + 1 :]
