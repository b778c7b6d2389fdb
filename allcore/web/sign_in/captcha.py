"""A captcha: letters in a picture, which a person can read and a simple program can't.

The text stays in the session on the server. It is valid for one attempt within some minutes, and
each attempt is followed by another picture.
"""

import hmac
import secrets
import time
from typing import NamedTuple

import streamlit as st
from captcha.image import ImageCaptcha

from allcore.errors import StoreError

LETTERS = "ABCDEFHJKLMNPRTUWXY3478"
"""Without letters that look alike when they are bent."""
LENGTH, LIFE_SECONDS = 5, 600.0
WRONG = "These are not the letters in the picture, or they are too old; enter those of the new one."
_PAPER, _INK = (24, 20, 32), (240, 240, 240, 255)
"""Light on dark, because the generator draws dark letters pale."""
_KEY = "captcha"
_ALT = "Letters and digits to be typed; an invitation lets you register without them."


class Captcha(NamedTuple):
    """A picture and its text."""

    number: int  # tells its field from that of the last one
    text: str
    picture: bytes  # a PNG
    until: float  # time of expiry by this process's clock


def show_captcha() -> str:
    """Draw the current picture with its field; return the typed text."""
    captcha: Captcha | None = st.session_state.get(_KEY)
    if captcha is None or time.monotonic() > captcha.until:
        number = 0 if captcha is None else captcha.number + 1
        captcha = st.session_state[_KEY] = _new_captcha(number)
    st.image(captcha.picture, alt=_ALT)
    return st.text_input(
        "Letters in the picture", key=f"captcha_{captcha.number}", autocomplete="off"
    )


def check_answer(typed: str) -> None:
    """Check an answer; the captcha is used up, right or wrong.

    Raises:
        StoreError: it is wrong or too old, or there was no picture.
    """
    captcha: Captcha | None = st.session_state.get(_KEY)
    if captcha is None:
        raise StoreError(WRONG)
    st.session_state[_KEY] = _new_captcha(captcha.number + 1)
    answer = "".join(typed.split()).upper()
    is_right = hmac.compare_digest(answer.encode("utf-8", "replace"), captcha.text.encode())
    if not is_right or time.monotonic() > captcha.until:
        raise StoreError(WRONG)


def _new_captcha(number: int) -> Captcha:
    text = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    picture = ImageCaptcha(width=240, height=90).generate(text, bg_color=_PAPER, fg_color=_INK)
    return Captcha(number, text, picture.getvalue(), time.monotonic() + LIFE_SECONDS)
