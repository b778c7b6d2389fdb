"""A captcha: letters in a picture, which a person can read and a simple program can not.

The picture is drawn by streamlit-authenticator's generator. What it shows stays in the session on
the server, is good for one try within some minutes, and another picture follows each try.
"""

import hmac
import secrets
import time
from dataclasses import dataclass

import streamlit as st
from captcha.image import ImageCaptcha

from allcore.errors import StoreError

LETTERS = "ABCDEFHJKLMNPRTUWXY3478"
"""No two that look alike when they are bent."""
LENGTH, LIFE_SECONDS = 5, 600.0
WRONG = "These are not the letters in the picture, or they are too old; enter those of the new one."
_PAPER, _INK = (24, 20, 32), (240, 240, 240, 255)
"""Light on dark, for the generator draws dark letters pale."""
_KEY = "captcha"
_ALT = "Letters and digits to be typed; an invitation lets you register without them."


@dataclass(frozen=True)
class Captcha:
    """A picture and what it shows.

    Attributes:
        number: tells its field from that of the one before.
        text: in the picture.
        picture: as a PNG.
        until: when it is over, by this process's clock.
    """

    number: int
    text: str
    picture: bytes
    until: float


def show_captcha() -> str:
    """Draw the picture that is good now with its field; give what was typed into it."""
    now = _current()
    st.image(now.picture, alt=_ALT)
    return st.text_input("Letters in the picture", key=f"captcha_{now.number}", autocomplete="off")


def check_answer(typed: str) -> None:
    """Take an answer, right or wrong: it is good for this one try.

    Raises:
        StoreError: it is wrong or too old, or there was no picture.
    """
    now: Captcha | None = st.session_state.get(_KEY)
    if now is None:
        raise StoreError(WRONG)
    st.session_state[_KEY] = _made(now.number + 1)
    given = "".join(typed.split()).upper()
    right = hmac.compare_digest(given.encode("utf-8", "replace"), now.text.encode())
    if not right or time.monotonic() > now.until:
        raise StoreError(WRONG)


def _current() -> Captcha:
    now: Captcha | None = st.session_state.get(_KEY)
    if now is None or time.monotonic() > now.until:
        now = st.session_state[_KEY] = _made(0 if now is None else now.number + 1)
    return now


def _made(number: int) -> Captcha:
    text = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    drawn = ImageCaptcha(width=240, height=90).generate(text, bg_color=_PAPER, fg_color=_INK)
    return Captcha(number, text, drawn.getvalue(), time.monotonic() + LIFE_SECONDS)
