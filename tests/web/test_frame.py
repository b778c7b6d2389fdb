import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from allcore import logs
from allcore.errors import AllScopeError
from allcore.web import frame


def test_problem__logs_an_unexpected_error_and_hides_its_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logged: list[BaseException] = []
    sentences: list[str] = []
    monkeypatch.setattr(logs, "failure", lambda message, error: logged.append(error))
    monkeypatch.setattr(frame.st, "error", lambda text, **_: sentences.append(text))
    frame.problem(AllScopeError("Do this."))
    assert logged == []
    frame.problem(unexpected := ValueError("secret"))
    assert logged == [unexpected]
    assert sentences == [frame.plain("Do this."), frame.plain(frame.UNEXPECTED)]


@pytest.mark.parametrize(
    "typed", ["*bold* _it_ [a](b) <b>", "# a", "1. a", ":red[a]", "$x$ ~~a~~ `c`"]
)
def test_plain__shows_what_was_typed(typed: str) -> None:
    assert MarkdownIt().render(frame.plain(typed)) == MarkdownIt().render(
        "".join(f"&#{ord(c)};" if not c.isalnum() and c != " " else c for c in typed)
    )


@pytest.mark.parametrize(
    "typed",
    [
        "http://a.org/x",
        "HTTPS://a.org",
        "www.a.org",
        "me@a.org",
        ":material/home:",
        ":smile:",
        ":+1:",
    ],
)
def test_plain__makes_no_link_and_no_icon(typed: str) -> None:
    shown = frame.plain(typed).replace("\\", "")
    made = r"(https?://|www\.)|[-.\w+]+@[-\w]+|:material/|:[-+\w]+:"  # as Streamlit's page has it
    assert re.search(made, typed, re.IGNORECASE)
    assert not re.search(made, shown, re.IGNORECASE)
    assert shown.replace("\u2060", "") == typed


def test_plain__leaves_times_and_paths_alone() -> None:
    for typed in ("2026-11-29 14:19:30", "/data/cells of 3:1", "C:/data", "a: b"):
        assert frame.plain(typed).replace("\\", "") == typed


@given(st.text(alphabet=st.characters(categories=("L", "Nd")), max_size=30))
def test_plain__leaves_letters_alone(typed: str) -> None:
    assert frame.plain(typed) == typed
