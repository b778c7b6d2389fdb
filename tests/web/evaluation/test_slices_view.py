import numpy as np
import pytest

from allcore.store import accounts as stored
from allcore.store import slices
from allcore.web import accounts
from allcore.web.accounts import Visitor
from allcore.web.evaluation import slices_view
from allcore.web.evaluation.context import Context


@pytest.fixture
def ada(context: Context, monkeypatch: pytest.MonkeyPatch) -> Context:
    for name in ("ada", "bob"):
        stored.create(accounts.store(), username=name, display_name=name, password=None)
    monkeypatch.setattr(accounts, "visitor", lambda: Visitor("ada", "Ada", "user"))
    return context


def keep(context: Context, who: str, name: str, ids: list[str], *, of: str | None = None) -> None:
    key = of or context.source.key
    slices.save(accounts.store(), who, of=key, name=name, image_ids=ids)


def test_kept__only_mine_and_only_of_this_source(ada: Context) -> None:
    first = ada.table["image_id"].tolist()[:3]
    keep(ada, "ada", "mine", first)
    keep(ada, "bob", "his", first)
    keep(ada, "ada", "elsewhere", first, of="another model")
    assert [one.name for one in slices_view.read_saved_slices(ada)] == ["mine"]


def test_as_slices__members_by_id(ada: Context) -> None:
    ids = ada.table["image_id"].tolist()
    keep(ada, "ada", "Dark cells", [ids[2], ids[0], "gone"])
    (found,) = slices_view.saved_as_slices(ada)
    assert np.flatnonzero(found.members).tolist() == [0, 2]
    assert "Dark cells" in found.title


def test_as_slices__nothing_kept(ada: Context) -> None:
    assert slices_view.saved_as_slices(ada) == []
