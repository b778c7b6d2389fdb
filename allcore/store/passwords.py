"""Password rules and bcrypt hashes.

The rules follow NIST SP 800-63B: a minimum length, no easily guessed password, no composition
rules. zxcvbn (Wheeler, USENIX Security 2016) estimates the guesses. bcrypt reads at most 72 bytes.
"""

import functools
import unicodedata
from collections.abc import Iterable

import bcrypt

from allcore.errors import StoreError

RULE = "A password has 12 to 64 characters."
MIN_CHARACTERS, MAX_CHARACTERS, MAX_BYTES = 12, 64, 72
MAX_INPUT = 1000  # maximum characters before normalisation; no valid password has more
LEAST_SCORE = 3  # minimum zxcvbn score, of 0 to 4: at least 10^8 guesses
JUDGED_FIRST = 20  # characters; the time that zxcvbn takes grows fast with the length
APP_NAMES = ("allscope", "all-scope", "leukemia", "leukaemia")
LEAST_BESIDE_NAMES = 6  # minimum characters of a password apart from the account's public names
SHORTEST_NAME = 3
ROUNDS = 12  # bcrypt cost: log2 of the number of rounds; takes about a quarter of a second

_WEAKNESSES = {
    "repeat": "it repeats one part",
    "sequence": "it runs along the keyboard or the alphabet",
    "spatial": "it runs along the keyboard or the alphabet",
}
"""Reason for a weak password by zxcvbn's name of its longest pattern."""


def normalized(password: str) -> str:
    """Normalise the Unicode form of a password, which depends on the keyboard, for hashing."""
    return unicodedata.normalize("NFKC", password).strip()


def check_rule(password: str, *, own: Iterable[str] = ()) -> None:
    """Reject a new password that breaks the rules, or consists of names of the account (`own`).

    Raises:
        StoreError: too short, too long, too common, or with invalid characters.
    """
    _check_form(password)
    reason = _weakness(normalized(password), (*APP_NAMES, *own))
    if reason:
        raise StoreError(f"This password is easy to guess: {reason}; choose another.")


def _weakness(password: str, names: tuple[str, ...]) -> str:
    """Return the reason why a password is weak; empty where it is not."""
    from zxcvbn import zxcvbn  # the import of its word lists takes a quarter of a second

    for part in (password[:JUDGED_FIRST], password):  # more characters make no password easier
        estimate = zxcvbn(part, user_inputs=list(names))
        if estimate["score"] >= LEAST_SCORE:
            break
    else:
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
    """Hash a password; `check_rule` checks its strength.

    Raises:
        StoreError: it is too short, too long, or has invalid characters.
    """
    _check_form(password)
    return bcrypt.hashpw(normalized(password).encode(), bcrypt.gensalt(ROUNDS)).decode()


def matches(password: str, password_hash: str | None) -> bool:
    """True if the password matches the hash; without a hash the running time is the same."""
    entered = normalized(password[:MAX_INPUT]).encode("utf-8", "replace")
    same = bcrypt.checkpw(entered[:MAX_BYTES], (password_hash or dummy_hash()).encode())
    whole = len(entered) <= MAX_BYTES and len(password) <= MAX_INPUT
    return same and whole and password_hash is not None


@functools.cache
def dummy_hash() -> str:
    """Return a hash without a known password, to give unknown names the same running time."""
    return bcrypt.hashpw(bcrypt.gensalt(), bcrypt.gensalt(ROUNDS)).decode()
