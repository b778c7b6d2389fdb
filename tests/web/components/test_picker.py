from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from allcore.data.thumbnails import ImageSource
from allcore.web.components import picker
from allcore.web.components.picker import Card
from tests.conftest import draw_cell

CARDS = [
    Card("one", "all", "ALL blast, 0.87", "subject 101, one"),
    Card("<b>two</b>", "hem", "normal, 0.20", "subject <i>H1</i>", synthetic=True),
    Card("three", "?", "no label, 0.50", "three"),
]


class Mount:
    """Stands for the component: keeps what it is given, and opens what it is told to."""

    def __init__(self, opened: str | None, chosen: dict[str, Any] | None = None) -> None:
        self.opened, self.chosen = opened, chosen
        self.given: dict[str, Any] = {}

    def __call__(self, **given: Any) -> SimpleNamespace:
        self.given = given
        return SimpleNamespace(opened=self.opened, chosen=self.chosen)


def shown(
    monkeypatch: pytest.MonkeyPatch, path: Path, opened: str | None = None
) -> tuple[str | None, dict[str, Any]]:
    mount = Mount(opened)
    monkeypatch.setattr(picker, "_MOUNT", mount)
    sources = [
        ImageSource(path, "here"),
        ImageSource(path, ""),
        ImageSource(path.with_name("gone.png"), "gone"),
    ]
    return picker.show_picker(CARDS, sources, key="cells"), mount.given


@pytest.fixture(autouse=True)
def _fresh_session() -> None:
    picker.st.session_state.clear()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "one.png"
    Image.fromarray(draw_cell(seed=0)).save(path)
    return path


def test_show__a_card_a_cell_with_its_picture_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, picture: Path
) -> None:
    opened, given = shown(monkeypatch, picture)
    cards = given["data"]["cards"]
    assert opened is None
    assert [card["id"] for card in cards] == [card.image_id for card in CARDS]
    assert cards[0]["picture"].startswith("data:image/webp;base64,")
    assert [card["picture"] for card in cards[1:]] == ["", ""]
    assert [card["drawn"] for card in cards] == [False, True, False]
    assert 0 < given["data"]["barShare"] < 100
    assert not given["data"]["tools"]  # three cells need no choice of their size


def test_show__classes_differ_in_shape_and_words(
    monkeypatch: pytest.MonkeyPatch, picture: Path
) -> None:
    cards = shown(monkeypatch, picture)[1]["data"]["cards"]
    assert len({card["mark"] for card in cards}) == len({card["colour"] for card in cards}) == 3
    assert cards[0]["mark"] == picker.MARKS["all"][0]
    assert "ALL blast" in cards[0]["words"] and "0.87" in cards[0]["words"]
    assert "no label" in cards[2]["words"]


@pytest.mark.parametrize(("opened", "expected"), [("three", "three"), ("elsewhere", None)])
def test_show__opens_only_what_it_shows(
    monkeypatch: pytest.MonkeyPatch, picture: Path, opened: str, expected: str | None
) -> None:
    assert shown(monkeypatch, picture, opened)[0] == expected


def chosen(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, Any] | None, before: tuple[str, ...] = ()
) -> tuple[tuple[str, ...], dict[str, Any]]:
    mount = Mount(None, told)
    monkeypatch.setattr(picker, "_MOUNT", mount)
    sources = [ImageSource(Path(card.image_id), "") for card in CARDS]
    choice = picker.show_selectable(CARDS, sources, key="cells", chosen=before, limit=2)
    assert choice.opened is None
    return choice.chosen, mount.given["data"]


def test_choose__keeps_what_was_chosen_on_other_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    found, data = chosen(monkeypatch, None, ("elsewhere",))
    assert found == ("elsewhere",)
    assert (data["chosen"], data["limit"], data["count"]) == (["elsewhere"], 2, 0)
    told = {"ids": ["elsewhere", "three"], "count": 1}
    assert chosen(monkeypatch, told, ("elsewhere",))[0] == ("elsewhere", "three")


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([], ()),
        (["one", "one", "three"], ("one", "three")),
        (["unknown", "one"], ("one",)),
        (["one", "<b>two</b>", "three"], ("one", "<b>two</b>")),
    ],
)
def test_choose__takes_only_cells_there_are_and_no_more_than_allowed(
    monkeypatch: pytest.MonkeyPatch, ids: list[str], expected: tuple[str, ...]
) -> None:
    assert chosen(monkeypatch, {"ids": ids, "count": 1})[0] == expected


def test_choose__gives_back_the_count_of_the_last_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """By it the browser knows an answer that is older than what was chosen since."""
    state: dict[str, Any] = {}
    monkeypatch.setattr(picker.st, "session_state", state)
    chosen(monkeypatch, {"ids": ["one"], "count": 7})
    assert chosen(monkeypatch, None, ("one",))[1]["count"] == 7


def test_choose__reads_a_selection_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there in every later run too, when the page may have taken another choice."""
    told = {"ids": ["one"], "count": 3}
    assert chosen(monkeypatch, told)[0] == ("one",)
    assert chosen(monkeypatch, told, ("three",))[0] == ("three",)


def test_choose__a_cell_of_the_page_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser may show the previous cards for a moment when others are asked for."""
    monkeypatch.setattr(picker.st, "session_state", {"cells_ids": {"before"}})
    assert chosen(monkeypatch, {"ids": ["before", "unknown"], "count": 1})[0] == ("before",)


@pytest.mark.parametrize("name", ["picker", "cell_viewer", "map_preview"])
def test_script__sets_names_as_text(name: str) -> None:
    """Ids come from data: as markup they would run."""
    script = Path(picker.__file__).with_name(f"{name}.js").read_text(encoding="utf-8")
    for markup in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"):
        assert markup not in script
