"""The rule for passwords, and their bcrypt hashes.

The rule follows NIST SP 800-63B: length, no composition rules. bcrypt reads 72 bytes at most.
"""

import functools
import unicodedata

import bcrypt

from allcore.errors import StoreError

RULE = "A password has 12 to 64 characters."
MIN_CHARACTERS, MAX_CHARACTERS, MAX_BYTES = 12, 64, 72
ROUNDS = 12
"""bcrypt's cost: 2 to the power of this many rounds, a quarter of a second or so."""


def prepared(password: str) -> str:
    """Give the one form in which a password is hashed, however a keyboard composed it."""
    return unicodedata.normalize("NFKC", password).strip()


def check_rule(password: str) -> None:
    """Refuse a new password that breaks the rule.

    Raises:
        StoreError: too short, too long, or with characters no keyboard writes.
    """
    password = prepared(password)
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        raise StoreError(f"{RULE} This one has {len(password)}; choose another.")
    if len(password.encode()) > MAX_BYTES:
        raise StoreError(
            f"This password takes more than {MAX_BYTES} bytes, because of its accents or symbols; "
            "choose a shorter one."
        )
    if not password.isprintable():
        raise StoreError("A password has letters, digits, spaces and symbols only; choose another.")


def hashed(password: str) -> str:
    """Hash a password.

    Raises:
        StoreError: the password breaks the rule.
    """
    check_rule(password)
    return bcrypt.hashpw(prepared(password).encode(), bcrypt.gensalt(ROUNDS)).decode()


def matches(password: str, password_hash: str | None) -> bool:
    """Tell whether the password has this hash; takes the same work where there is no hash."""
    entered = prepared(password).encode()
    same = bcrypt.checkpw(entered[:MAX_BYTES], (password_hash or dummy_hash()).encode())
    return same and password_hash is not None and len(entered) <= MAX_BYTES


@functools.cache
def dummy_hash() -> str:
    """Give a hash no password is known for: an unknown name costs the work of a known one."""
    return bcrypt.hashpw(bcrypt.gensalt(), bcrypt.gensalt(ROUNDS)).decode()
