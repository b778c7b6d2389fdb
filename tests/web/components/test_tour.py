import pytest
from streamlit.testing.v1 import AppTest

from allcore.store import accounts, database
from allcore.web import page_table
from allcore.web.components import tour
from allcore.web.dataset.views import VIEWS as OF_DATASET
from allcore.web.evaluation.views import VIEWS as OF_EVALUATION
from tests.web import sessions


def step(app: AppTest) -> str:
    """What the tour says above the page; empty where it is not on."""
    said = [str(each.value) for each in app.markdown if "Tour, " in str(each.value)]
    return said[0] if said else ""


def labels(app: AppTest) -> set[str]:
    return {each.label for each in app.button}


def arrived(username: str) -> AppTest:
    """Home, right after signing in."""
    return sessions.sign_in(sessions.open_page(sessions.session(), "sign_in"), username)


def test_steps__lead_to_what_a_demonstration_opens() -> None:
    assert len(tour.STEPS) == 4
    assert all(page_table.page(step.page).opens_to("demo") for step in tour.STEPS)
    views = {"evaluation": OF_EVALUATION, "dataset": OF_DATASET}
    for each in tour.STEPS:
        if "view" in each.address:
            titles = {view.title for view in views[each.page].values()}
            assert each.address["view"] in titles  # as the address has it


def test_tour__comes_once_to_a_new_account() -> None:
    sessions.add("ada")
    assert "Tour, 1 of 4: Check a picture" in step(arrived("ada"))
    account = accounts.find(database.connect(), "ada")
    assert account
    assert account.toured_at is not None
    again = arrived("ada")
    assert step(again) == ""
    assert "Take the tour" in labels(again)


def test_tour__leads_over_the_pages() -> None:
    sessions.add("ada")
    app = arrived("ada")
    assert "Take the tour" not in labels(app)
    app.query_params["tour"] = "1"
    sessions.open_page(app, "predict")
    assert "Tour, 1 of 4" in step(app)
    sessions.press(app, "Next: see its evidence")
    assert sessions.title(app) == "Predict"
    assert "Tour, 2 of 4" in step(app)
    sessions.open_page(app, "networks")
    assert "Tour, 2 of 4" in step(app)


@pytest.mark.usefixtures("drawn_demo")
def test_tour__ends_on_its_last_page() -> None:
    sessions.add("ada")
    app = arrived("ada")
    app.session_state["tour_step"] = 3
    sessions.open_page(app, "dataset")
    assert "Tour, 4 of 4" in step(app)
    sessions.press(app, "End the tour")
    assert step(app) == ""


def test_tour__is_skipped_and_taken_again() -> None:
    sessions.add("ada")
    app = sessions.press(arrived("ada"), "Skip the tour")
    assert step(app) == ""
    sessions.press(app, "Take the tour")
    assert "Tour, 1 of 4" in step(app)


def test_tour__is_not_for_who_is_signed_out() -> None:
    app = sessions.session()
    assert step(app) == ""
    assert "Take the tour" not in labels(app)


def test_tour__of_a_demonstration_follows_its_story(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLSCOPE_DEMO", "1")
    app = sessions.session()
    app.query_params["story"] = "5"
    assert step(app.run()) == ""
    sessions.press(app, "Take the tour")
    assert "Tour, 1 of 4" in step(app)
    assert "story" not in app.query_params
    sessions.press(app, "Skip the tour")
    assert step(sessions.open_page(app, "home")) == ""


def test_tour__of_an_account_for_demonstrations_notes_nothing() -> None:
    sessions.add("eve", role="demo")
    assert "Tour, 1 of 4" in step(arrived("eve"))
    account = accounts.find(database.connect(), "eve")
    assert account
    assert account.toured_at is None
