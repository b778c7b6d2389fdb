"""The rule for passwords, and their bcrypt hashes.

The rule follows NIST SP 800-63B: a length, no password that is easy to guess, no composition rules.
zxcvbn (Wheeler, USENIX Security 2016) estimates how easily a password is guessed. bcrypt reads 72
bytes at most.
"""

import functools
import unicodedata
from collections.abc import Iterable

import bcrypt

from allcore.errors import StoreError

RULE = "A password has 12 to 64 characters."
MIN_CHARACTERS, MAX_CHARACTERS, MAX_BYTES = 12, 64, 72
MAX_INPUT = 1000
"""Characters that are read before normalization; no password has so many."""
LEAST_SCORE = 3
"""Of zxcvbn's scores 0 to 4: at least 10^8 guesses."""
APP_NAMES = ("allscope", "all-scope", "leukemia", "leukaemia")
LEAST_BESIDE_NAMES = 6
"""Characters that must remain of a password once names that anybody knows are taken out."""
SHORTEST_NAME = 3
ROUNDS = 12
"""bcrypt's cost: 2 to the power of this many rounds, a quarter of a second or so."""

_WEAKNESSES = {
    "repeat": "it repeats one part",
    "sequence": "it runs along the keyboard or the alphabet",
    "spatial": "it runs along the keyboard or the alphabet",
}
"""Weaknesses by zxcvbn's name of the pattern that covers most of a password."""


def normalized(password: str) -> str:
    """Return the form in which a password is hashed, however a keyboard composed it."""
    return unicodedata.normalize("NFKC", password).strip()


def check_rule(password: str, *, own: Iterable[str] = ()) -> None:
    """Refuse a new password that breaks the rule.

    Args:
        password: as it was typed.
        own: names of the account, which are no part of a good password.

    Raises:
        StoreError: too short, too long, common, or with characters no keyboard writes.
    """
    _check_form(password)
    reason = _weakness(normalized(password), (*APP_NAMES, *own))
    if reason:
        raise StoreError(f"This password is easy to guess: {reason}; choose another.")


def _weakness(password: str, names: tuple[str, ...]) -> str:
    """Say why a password is easy to guess; empty where it is not."""
    from zxcvbn import zxcvbn  # its word lists take a quarter of a second to import

    estimate = zxcvbn(password, user_inputs=list(names))
    if estimate["score"] < LEAST_SCORE:
        longest = max(estimate["sequence"], key=lambda match: len(match["token"]))
        return _WEAKNESSES.get(longest["pattern"], "it is built on a common one")
    rest = "".join(password.casefold().split())
    for name in sorted({name.casefold() for name in names}, key=len, reverse=True):
        if len(name) >= SHORTEST_NAME:
            rest = rest.replace(name, "")
    return "it holds little more than a name" if len(rest) < LEAST_BESIDE_NAMES else ""


def _check_form(typed: str) -> None:
    password = normalized(typed) if len(typed) <= MAX_INPUT else typed
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        raise StoreError(f"{RULE} This one has {len(password)}; choose another.")
    if len(password.encode()) > MAX_BYTES:
        raise StoreError(
            f"This password takes more than {MAX_BYTES} bytes, because of its accents or symbols; "
            "choose a shorter one."
        )
    if not password.isprintable():
        raise StoreError("A password has letters, digits, spaces and symbols only; choose another.")


def hash_password(password: str) -> str:
    """Hash a password; `check_rule` says whether it is easy to guess.

    Raises:
        StoreError: it is too short, too long, or holds characters no keyboard writes.
    """
    _check_form(password)
    return bcrypt.hashpw(normalized(password).encode(), bcrypt.gensalt(ROUNDS)).decode()


def matches(password: str, password_hash: str | None) -> bool:
    """Tell whether the password has this hash; without a hash it does the same work."""
    entered = normalized(password[:MAX_INPUT]).encode("utf-8", "replace")
    same = bcrypt.checkpw(entered[:MAX_BYTES], (password_hash or dummy_hash()).encode())
    whole = len(entered) <= MAX_BYTES and len(password) <= MAX_INPUT
    return same and whole and password_hash is not None


@functools.cache
def dummy_hash() -> str:
    """Return a hash without a known password: an unknown name costs the work of a known one."""
    return bcrypt.hashpw(bcrypt.gensalt(), bcrypt.gensalt(ROUNDS)).decode()
