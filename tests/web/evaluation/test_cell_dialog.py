import pytest
from streamlit.testing.v1 import AppTest

from allcore.store import accounts as stored
from allcore.store import reviews
from allcore.web import accounts
from allcore.web.accounts import Visitor


class Who:
    name = "ada"


@pytest.fixture
def who(monkeypatch: pytest.MonkeyPatch) -> Who:
    seat = Who()
    monkeypatch.setattr(accounts, "visitor", lambda: Visitor(seat.name, "A Person", "user"))
    for name in ("ada", "bob"):
        stored.create(accounts.store(), username=name, display_name=name, password=None)
    return seat


def window() -> None:
    import streamlit as st

    from allcore.web.evaluation import cell_dialog

    @st.dialog("Cell")
    def cell() -> None:
        cell_dialog.show_review_mark(of="model", image_id="cell 1")

    cell()


def opened() -> AppTest:
    page = AppTest.from_function(window, default_timeout=60).run()
    assert not page.exception
    return page


def queued() -> dict[str, tuple[str, str | None]]:
    found = reviews.items(accounts.store(), of="model")
    return {item.image_id: (item.reason, item.added_by) for item in found}


def test_show__puts_the_cell_into_the_queue(who: Who) -> None:
    opened().button(key="review_in").click().run()
    assert queued() == {"cell 1": ("chosen", "ada")}
    page = opened()
    assert "judged by 0 accounts" in page.caption[0].value
    assert "chosen by hand, put there by ada" in page.caption[0].value
    page.button(key="review_out").click().run()
    assert queued() == {}


def test_show__tells_no_judgement_and_takes_out_only_ones_own(who: Who) -> None:
    reviews.queue_cells(accounts.store(), "ada", of="model", reasons={"cell 1": "error"})
    who.name = "bob"
    assert not opened().button
    who.name = "ada"
    reviews.judge(
        accounts.store(), "bob", of="model", image_id="cell 1", seen="bad_picture", note="blurred"
    )
    page = opened()
    assert not page.button
    text = "\n".join(str(each.value) for each in (*page.caption, *page.markdown))
    assert "judged by 1 account" in text
    assert "blurred" not in text
    assert "bad picture" not in text
