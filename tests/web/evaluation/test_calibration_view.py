from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from allcore.reports.model_card import results
from allcore.web import accounts
from allcore.web.accounts import Visitor
from tests import simulated

PAGE = Path(__file__).parents[3] / "pages" / "evaluation.py"


def test_show__tells_how_often_sets_hold_the_truth(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated.folder(home / "models")
    monkeypatch.setenv("ALLSCOPE_MODEL", "simulated")
    monkeypatch.setattr(accounts, "visitor", lambda: Visitor("ada", "Ada", "user"))
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    page.segmented_control(key="view").set_value("calibration").run()
    assert not page.exception
    said = " ".join(each.value for each in page.markdown)
    assert results.SETS_TITLE in said
    assert "the set holds the true class for" in said.replace("\\", "")
