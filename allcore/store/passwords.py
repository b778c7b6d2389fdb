"""The rule for passwords, and their bcrypt hashes.

The rule follows NIST SP 800-63B: length, a list of common ones, no composition rules. bcrypt reads
72 bytes at most.
"""

import functools
import unicodedata
from collections.abc import Iterable

import bcrypt

from allcore.errors import StoreError
from allcore.store import common_passwords

RULE = "A password has 12 to 64 characters."
MIN_CHARACTERS, MAX_CHARACTERS, MAX_BYTES = 12, 64, 72
MAX_TYPED = 1000
"""Characters that are read at all, before they are brought to one form; no password has so many."""
ROUNDS = 12
"""bcrypt's cost: 2 to the power of this many rounds, a quarter of a second or so."""


def prepared(password: str) -> str:
    """Give the one form in which a password is hashed, however a keyboard composed it."""
    return unicodedata.normalize("NFKC", password).strip()


def check_rule(password: str, *, own: Iterable[str] = ()) -> None:
    """Refuse a new password that breaks the rule.

    Args:
        password: as it was typed.
        own: names of the account, which leave too little of a password that holds them.

    Raises:
        StoreError: too short, too long, common, or with characters no keyboard writes.
    """
    _check_form(password)
    reason = common_passwords.reason(prepared(password), own=own)
    if reason:
        raise StoreError(f"This password is easy to guess: {reason}; choose another.")


def _check_form(typed: str) -> None:
    password = prepared(typed) if len(typed) <= MAX_TYPED else typed
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
    """Hash a password; whether it is easy to guess is for `check_rule` to say.

    Raises:
        StoreError: it is too short, too long, or holds characters no keyboard writes.
    """
    _check_form(password)
    return bcrypt.hashpw(prepared(password).encode(), bcrypt.gensalt(ROUNDS)).decode()


def matches(password: str, password_hash: str | None) -> bool:
    """Tell whether the password has this hash; takes the same work where there is no hash."""
    entered = prepared(password[:MAX_TYPED]).encode("utf-8", "replace")
    same = bcrypt.checkpw(entered[:MAX_BYTES], (password_hash or dummy_hash()).encode())
    whole = len(entered) <= MAX_BYTES and len(password) <= MAX_TYPED
    return same and whole and password_hash is not None


@functools.cache
def dummy_hash() -> str:
    """Give a hash no password is known for: an unknown name costs the work of a known one."""
    return bcrypt.hashpw(bcrypt.gensalt(), bcrypt.gensalt(ROUNDS)).decode()
