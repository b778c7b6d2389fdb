"""What people type into names and notes is shown as what it is wherever others see it."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from allcore import model_folder
from allcore.inference.results import Prediction
from allcore.settings import Settings
from allcore.store import (
    accounts,
    data_sets,
    database,
    flags,
    history,
    registration,
    reviews,
    slices,
)
from allcore.store.audit import Actor
from allcore.store.database import Database
from allcore.store.history import HistoryAnswer
from tests.browser import steps
from tests.browser.conftest import Server, Start
from tests.browser.test_hostile_names import (
    DIRECTIVE,
    FORMULA,
    LINK,
    NOTHING,
    PROBE,
    SCRIPT,
    TAGS,
)

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

FETCHED = "![i](http://127.0.0.1:9/x) <img src=http://127.0.0.1:9/x>"
TYPED = (SCRIPT, TAGS, LINK, DIRECTIVE, FORMULA, FETCHED)
TURNED = "ada\u202etxt.exe"
MODEL = Settings().model
SEEN_BY_OTHERS = (
    "administration?view=Users",
    "administration?view=Invitations",
    "administration?view=Settings",
    "administration?view=What+is+kept",
    "administration?view=Audit+log",
    "administration?view=Health",
    "account",
    "home",
    "history",
    "review",
    "evaluation?view=Slices",
    "evaluation?view=Review",
    "dataset?view=Connect+data",
)


@pytest.fixture(scope="module")
def hostile(start: Start) -> Iterator[Server]:
    """A server whose accounts, invitations, notes and data sets have been named by an attacker."""
    with start() as server:
        _fill(database.connect(Settings(home=server.terminal.parent / "home")))
        yield server


def _fill(opened: Database) -> None:
    table = model_folder.read_predictions(model_folder.folder(MODEL))
    ids = list(table.loc[table["split"] == "test", "image_id"][: len(TYPED)])
    for number, text in enumerate(TYPED):
        name = f"eve{number}"
        accounts.create(
            opened, username=name, display_name=text, password=steps.PASSWORD,
            role="admin" if number == 0 else "reviewer", by=Actor("eve0", text),
        )  # fmt: skip
        registration.invite(opened, note=text, by=Actor("eve0", text))
        data_sets.connect(opened, name, name=text, path=Path(f"/nowhere/{text}"))
        slices.save(opened, "eve0", of=MODEL, name=text, image_ids=ids)
        answer = HistoryAnswer(
            text, f"{number}" * 64, MODEL, "f" * 64, 1, Prediction("all", 0.9, 2.0, 0.5)
        )
        history.add(opened, "eve0", [answer])
    reviews.queue_cells(opened, "eve0", of=MODEL, reasons=dict.fromkeys(ids, "error"))
    for number, (image_id, text) in enumerate(zip(ids, TYPED, strict=True)):
        for seen in range(2):
            who = f"eve{1 + (number + seen) % (len(TYPED) - 1)}"
            reviews.judge(opened, who, of=MODEL, image_id=image_id, seen="all", note=text)
    for asked in history.search(opened, "eve0").rows:
        flags.flag(opened, "eve0", asked.id, asked.answer.name)


@pytest.fixture(scope="module")
def eve(browser: Browser, hostile: Server) -> Iterator[BrowserContext]:
    """A browser in which the administrator with a hostile name is signed in."""
    context = browser.new_context(accept_downloads=True)
    context.set_default_timeout(steps.PATIENCE)
    page = context.new_page()
    steps.visit(page, hostile.at("account.py"))
    steps.sign_in(page, "eve0")
    steps.title(page, "Account")
    steps.remembered(page)
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(eve: BrowserContext, hostile: Server) -> Iterator[Page]:
    """A page that fails the test where anything is asked of another host, or a window opens."""
    opened, foreign = eve.new_page(), []
    opened.on("request", lambda asked: foreign.append(asked.url))
    opened.on("dialog", lambda window: pytest.fail(f"a window opened: {window.message}"))
    yield opened
    opened.close()
    own = (hostile.address, hostile.address.replace("http", "ws", 1), "data:", "blob:")
    assert [url for url in foreign if not url.startswith(own)] == []


def _harmless(page: Page) -> None:
    steps.settle(page)
    assert page.evaluate(PROBE) == NOTHING
    assert page.locator("a[href*='127.0.0.1:9/']").count() == 0
    assert page.locator("script:not([src])", has_text="pwned").count() == 0
    assert page.get_by_test_id("stException").count() == 0


def _words(page: Page) -> set[str]:
    """What the page says, without what has no width."""
    said = page.get_by_test_id("stMarkdown").all_inner_texts()
    return {text.strip().replace("\u2060", "") for text in said}


@pytest.mark.parametrize("place", SEEN_BY_OTHERS)
def test_names__are_data_on_every_page(place: str, page: Page, hostile: Server) -> None:
    steps.visit(page, f"{hostile.address}/{'' if place == 'home' else place}")
    _harmless(page)
    page.wait_for_timeout(1000)
    _harmless(page)


def test_names__are_shown_as_they_were_typed(page: Page, hostile: Server) -> None:
    steps.visit(page, f"{hostile.address}/administration?view=Invitations")
    assert {f"User: {text}" for text in TYPED} <= _words(page)
    steps.visit(page, f"{hostile.address}/dataset?view=Connect+data")
    assert set(TYPED) <= _words(page)


def test_names__in_every_question_before_a_change(page: Page, hostile: Server) -> None:
    steps.visit(page, f"{hostile.address}/administration?view=Users")
    page.get_by_role("button", name="Change", exact=True).first.click()
    for label in ("Change the role", "Sign out everywhere", "Disable", "Delete"):
        page.get_by_role("button", name=label).first.click()
        _harmless(page)
        page.keyboard.press("Escape")


def test_csv__of_the_audit_log_has_no_formula(page: Page, hostile: Server) -> None:
    steps.visit(page, f"{hostile.address}/administration?view=Audit+log")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download as CSV").click()
    rows = list(csv.reader(Path(waiting.value.path()).read_text("utf-8").splitlines()))
    assert any(f"'{FORMULA}" in row for row in rows)
    assert [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))] == []


def test_text__that_turns_around_is_refused_or_replaced(page: Page, hostile: Server) -> None:
    steps.visit(page, hostile.at("account.py"))
    steps.fill(page, Your_name=TURNED)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("A name has 1 to 100 characters")).to_be_visible()
    steps.visit(page, f"{hostile.address}/administration?view=Invitations")
    page.get_by_label("For whom").fill(TURNED)
    page.get_by_role("button", name="Make an invitation").click()
    expect(page.get_by_text("User: ada\ufffdtxt.exe", exact=True)).to_be_visible()
    _harmless(page)
