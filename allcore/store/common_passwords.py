"""What makes a long password easy to guess, as NIST SP 800-63B would have it refused.

Beside `common_passwords.json`, whose entries are the stems that lists of leaked passwords share:
what is only such a stem with digits and symbols around it, two of them, something repeated, a run
along alphabet, digits or keyboard, or hardly more than the app's or one's own name.
"""

import functools
import json
import re
from collections.abc import Iterable
from pathlib import Path

APP = ("allscope", "all-scope", "leukemia", "leukaemia")
LEAST_LEFT = 6
"""So many characters must remain of a password beside names that anybody knows."""
SHORTEST_NAME = 3
_RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
)
_LEET = str.maketrans("013457@$!", "oleastasi")


def reason(password: str, *, own: Iterable[str] = ()) -> str:
    """Say why a password is easy to guess; empty where it is not.

    Args:
        password: in the form in which it is hashed.
        own: names of the account.
    """
    plain = "".join(password.casefold().split())
    if _repeats(plain):
        return "it repeats one part"
    if any(plain in run * 2 or plain[::-1] in run * 2 for run in _RUNS):
        return "it runs along the keyboard or the alphabet"
    if len(_without(plain, (*APP, *own))) < LEAST_LEFT:
        return "it holds little more than a name"
    if _common(plain):
        return "it is built on a common one"
    return ""


def _repeats(text: str) -> bool:
    return re.fullmatch(r"(.{1,8}?)\1+", text) is not None


def _without(text: str, names: Iterable[str]) -> str:
    known = {name.casefold() for name in names if len(name) >= SHORTEST_NAME}
    for name in sorted(known, key=len, reverse=True):
        text = text.replace(name, "")
    return text


def _common(text: str) -> bool:
    stem = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", text)
    forms = {text, stem, re.sub(r"[\W_]+", "", text), re.sub(r"[\W\d_]+", "", text)}
    forms |= {form.translate(_LEET) for form in forms}
    return any(form in _known() or _two(form) for form in forms)


def _two(text: str) -> bool:
    known = _known()
    return any(text[:cut] in known and text[cut:] in known for cut in range(3, len(text) - 2))


@functools.cache
def _known() -> frozenset[str]:
    path = Path(__file__).with_suffix(".json")
    return frozenset(json.loads(path.read_text(encoding="utf-8")))
