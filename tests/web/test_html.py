"""What is written as HTML shows hostile names as text: file names, subjects, reasons, networks."""

from collections.abc import Callable
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from allcore.explain.answer_summary import AnswerSummary
from allcore.nets.summaries import NetworkSummary
from allcore.web.components import cell_pictures, explanation_view, picker, verdict_block
from allcore.web.components.cell_pictures import Frame
from allcore.web.dataset import browse_comparison, cell_window
from allcore.web.networks import diagram

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
PIXELS = np.zeros((20, 20, 3), dtype=np.uint8)
ROW = pd.Series(
    dict.fromkeys(("path", "subject", "label", "split", "image_id", "fold", "sha256"), HOSTILE)
)
CARD = picker.Card(HOSTILE, HOSTILE, HOSTILE, HOSTILE, synthetic=True)
NETWORK = NetworkSummary(name=HOSTILE, size=64, blocks=(), parameters=1, macs=1)
MAKERS: dict[str, Callable[[], str]] = {
    "heading": lambda: cell_pictures.heading(HOSTILE, mark="●", colour="#000"),
    "frames": lambda: cell_pictures.frames([Frame(PIXELS, HOSTILE), Frame(None, HOSTILE)], least=9),
    "waiting": lambda: explanation_view.empty_frames([HOSTILE], least=9),
    "folded": lambda: cell_pictures.frames([Frame(PIXELS, HOSTILE, HOSTILE)], least=9),
    "verdict": lambda: verdict_block.text_html(
        AnswerSummary("refused", None, 0.5), name=HOSTILE, certainty=HOSTILE, reason=HOSTILE
    ),
    "certainty": lambda: verdict_block.text_html(
        AnswerSummary("all", 0.9, 0.5), name=HOSTILE, certainty=HOSTILE
    ),
    "gallery": lambda: picker.gallery_html([CARD, CARD], [b"x", None]),
    "mark": lambda: verdict_block.mark_html(HOSTILE),
    "recorded": lambda: cell_window.record_html(ROW),
    "compared": lambda: browse_comparison.comparison_html(
        [browse_comparison.ComparedImage(PIXELS, 1, ROW)], 1
    ),
    "networks": lambda: diagram.networks_html(NETWORK, NETWORK, [], (HOSTILE, HOSTILE)),
}


class Tags(HTMLParser):
    """Which elements and attributes a piece of HTML has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(name for name, _ in attrs)}
        self.said += "".join(value or "" for name, value in attrs if name == "alt")

    def handle_data(self, data: str) -> None:
        self.said += data


@pytest.mark.parametrize("maker", list(MAKERS))
def test_html__what_is_hostile_stays_text(maker: str) -> None:
    made = Tags(MAKERS[maker]())
    assert HOSTILE in made.said
    assert not made.found & {"script", "onerror"}


def spoken() -> None:
    """A page that writes a hostile sentence where one waits for the evidence."""
    import streamlit as st

    from allcore.web.components import cell_pictures, explanation_view
    from tests.web.test_html import HOSTILE, PIXELS

    explanation_view.say(st.empty(), HOSTILE, lines=1, strong=HOSTILE)
    cell_pictures.zoomable(PIXELS, alt=HOSTILE)
    cell_pictures.show_framed(PIXELS, caption=HOSTILE, alt=HOSTILE)
    cell_pictures.show_framed(None, caption=HOSTILE, alt=HOSTILE)


def test_html__what_is_hostile_stays_text_on_a_page() -> None:
    page = AppTest.from_function(spoken, default_timeout=60).run()
    assert not page.exception
    made_html = [Tags(each.proto.body) for each in page.get("html")]
    assert len(made_html) == 4
    for made in made_html:
        assert HOSTILE in made.said
        assert not made.found & {"script", "onerror"}
