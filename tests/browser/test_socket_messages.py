"""Messages that no browser of these people would send change nothing that their role may not."""

import io
import os
import shutil
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import jwt
import pytest
import requests
from sqlalchemy import select
from streamlit.proto.WidgetStates_pb2 import WidgetState

from allcore.inference.results import Prediction
from allcore.settings import Settings
from allcore.store import accounts, database, flags, history, sessions, slices
from allcore.store.database import Database
from allcore.store.history import HistoryAnswer
from allcore.store.models import Base
from allcore.web import cookie, page_table
from allcore.web.administration.views import VIEWS
from tests.browser import forked, steps
from tests.browser.conftest import KEPT
from tests.browser.socket_client import Drawn, Socket, pressed

pytestmark = pytest.mark.timeout(600)

EXPORTS = {"evaluation": ("export", "slices"), "dataset": ("browse", "health", "splits")}
"""Views with files besides the first of their page."""
USED = {("session", "used_at"), ("account", "last_sign_in")}
"""Columns that change by being there."""
CLOSED = {"Sign in", "For administrators", "For reviewers"}
"""Titles of what people see in place of a page above their role."""
INNER_KEYS = ("session_key", "session_connection", "guard_admitted", "username", "roles", "name")
"""What session state holds of who is signed in."""
ABOVE = [
    (role, page.name)
    for role in ("visitor", "user")
    for page in page_table.PAGES
    if not page.opens_to(role)
]


@dataclass
class Site:
    """A running app with an administrator, a user and a reviewer, and their cookies."""

    address: str
    opened: Database
    key: str
    recorded: dict[tuple[str, str], Drawn] = field(default_factory=dict)

    def token(self, username: str) -> str:
        """The cookie of a new session; a visitor has none."""
        account = accounts.find(self.opened, username)
        if account is None:
            return ""
        claims = {
            "username": username,
            "session": sessions.begin(self.opened, account),
            "exp_date": time.time() + 9000,
        }
        return jwt.encode(claims, self.key, algorithm="HS256")

    def of_administrator(self, page: str) -> Iterator[tuple[str, Drawn]]:
        """Each view of a page, by its query, as an administrator has it; drawn once."""
        for query in queries(page):
            if (page, query) not in self.recorded:
                with Socket(self.address, token=self.token("admin")) as socket:
                    self.recorded[page, query] = socket.run(page, query=query)
            yield query, self.recorded[page, query]

    def content(self) -> dict[str, list[dict[str, object]]]:
        """All that the database holds, without when people were seen."""
        with self.opened.read() as session:
            return {
                name: [
                    {key: value for key, value in row.items() if (name, key) not in USED}
                    for row in session.execute(select(table)).mappings()
                    if name not in ("session", "sign_in_attempt")
                ]
                for name, table in Base.metadata.tables.items()
            }


def queries(page: str) -> list[str]:
    """The addresses of a page: Administration has its actions in several views."""
    return [f"view={view}" for view in VIEWS] if page == "administration" else [""]


def buttons(widgets: dict[str, str]) -> dict[str, str]:
    """Buttons alone: the fields beside them keep what they have, so that forms are complete."""
    return {key: kind for key, kind in widgets.items() if kind == "button"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, small_demo: Path) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("messages")
    home = folder / "home"
    shutil.copytree(small_demo, home / "demo")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("ALLSCOPE_")]:
            if name not in KEPT:
                patch.delenv(name)
        patch.setenv("ALLSCOPE_SCORE_SYNTHETIC", "0")
        opened = database.connect(Settings(home=home, database_url=None))
        for role in ("admin", "user", "reviewer"):
            accounts.create(
                opened, username=role, display_name=role, password=steps.PASSWORD, role=role
            )
            accounts.set_toured(opened, role)
        with forked.serving(home=home, log=folder / "log") as address:
            yield Site(address, opened, cookie.signing_key(home))
        opened.engine.dispose()


@pytest.mark.parametrize(("role", "page"), ABOVE)
def test_messages__of_a_page_above_the_role_do_nothing(site: Site, role: str, page: str) -> None:
    """An administrator's widgets, fragments and address of the page, sent by somebody else."""
    views = list(site.of_administrator(page))
    before = site.content()
    with Socket(site.address, token=site.token(role)) as socket:
        for query, theirs in views:
            closed = socket.run(page, query=query)
            more = theirs.without(closed)
            for fragment in theirs.fragments:
                socket.send_fragment(fragment, pressed(more))
            by_name = socket.run(page, states=pressed(more))
            by_hash = socket.run(
                page_hash=socket.page_hash, query=query, states=pressed(buttons(more))
            )
            for drawn in (closed, by_name, by_hash):
                assert drawn.titles[0] in CLOSED
                assert not set(more) & set(drawn.widgets)
    assert site.content() == before


def test_messages__of_a_shared_page_give_a_user_no_more_than_it_shows(site: Site) -> None:
    """Widgets that a page draws for administrators alone, from a user who may open the page."""
    before = site.content()
    for page in page_table.PAGES:
        if not page.opens_to("user") or page.signed_out_only:
            continue
        with Socket(site.address, token=site.token("user")) as socket:
            for query, theirs in site.of_administrator(page.name):
                more = theirs.without(socket.run(page.name, query=query))
                drawn = socket.run(page.name, query=query, states=pressed(more)).widgets
                assert not set(more) & set(drawn), page.name
    assert site.content() == before


@pytest.mark.long
@pytest.mark.parametrize("role", ["visitor", "user"])
@pytest.mark.parametrize("text", ["admin", "[1e999"])
def test_values__that_no_control_offers_are_no_rights(site: Site, role: str, text: str) -> None:
    """Every field of the role's own pages filled with one text, and nothing pressed."""
    before = site.content()
    for page in page_table.PAGES:
        if not page.opens_to(role) or page.name == "sign_out":
            continue
        with Socket(site.address, token=site.token(role)) as socket:
            drawn = socket.run(page.name)
            fields = {key: kind for key, kind in drawn.widgets.items() if kind != "button"}
            socket.run(page.name, states=pressed(fields, text=text))
            # A session that has sent what can't be read may draw nothing more.
            runs = [socket.run("administration") for _ in range(2)]
            assert all("Administration" not in run.titles for run in runs), page.name
    assert site.content() == before


@pytest.mark.parametrize("role", ["visitor", "user"])
def test_state__of_who_is_signed_in_is_not_taken_from_messages(site: Site, role: str) -> None:
    with Socket(site.address, token=site.token(role)) as socket:
        for value in ("admin", "user", "1", "true"):
            texts = [WidgetState(id=key, string_value=value) for key in INNER_KEYS]
            flags = [WidgetState(id=key, bool_value=True) for key in INNER_KEYS]
            for states in (texts, flags):
                drawn = socket.run("administration", states=states)
                assert drawn.titles[0] in CLOSED


@pytest.mark.parametrize("role", ["visitor", "user"])
def test_session__of_somebody_else_is_not_continued(site: Site, role: str) -> None:
    """Who knows the id of a session, such as from the log of a proxy, does not become its owner."""
    before = site.content()
    with Socket(site.address, token=site.token("admin")) as owner:
        theirs = owner.run("administration", query="view=invitations")
        assert theirs.titles == ["Administration"]
        with Socket(site.address, token=site.token(role), session=owner.session) as thief:
            thief.page_hash = owner.page_hash
            for fragment in theirs.fragments:
                thief.send_fragment(fragment, pressed(theirs.widgets))
            drawn = thief.run("administration", states=pressed(buttons(theirs.widgets)))
            assert thief.session == owner.session  # Streamlit has handed it over
        assert drawn.titles[0] in CLOSED
    assert site.content() == before


def test_session__of_ones_own_goes_on_after_a_lost_connection(site: Site) -> None:
    token = site.token("admin")
    with Socket(site.address, token=token) as first:
        first.run("administration")
    with Socket(site.address, token=token, session=first.session) as second:
        assert second.run("administration").titles == ["Administration"]
        assert second.session == first.session


def test_messages__of_somebody_whose_role_was_taken_away_do_nothing(site: Site) -> None:
    """Widgets and fragments that were rightly drawn, sent after the role has changed."""
    accounts.create(
        site.opened, username="fallen", display_name="F", password=steps.PASSWORD, role="admin"
    )
    accounts.set_toured(site.opened, "fallen")
    with Socket(site.address, token=site.token("fallen")) as socket:
        drawn = [socket.run("administration", query=query) for query in queries("administration")]
        with site.opened.write() as session:
            accounts.existing(session, "fallen").role = "user"
        before = site.content()
        for each in drawn:
            now = socket.run("administration", states=pressed(buttons(each.widgets)))
            assert now.titles == ["For administrators"]
        assert site.content() == before


def downloads(site: Site, username: str) -> bytes:
    """All files that buttons of pages give somebody, archives unpacked."""
    data = b""
    with Socket(site.address, token=site.token(username)) as socket:
        for page in page_table.PAGES:
            if not page.opens_to(username) or page.name == "sign_out":
                continue
            for query in ("", *(f"view={view}" for view in EXPORTS.get(page.name, ()))):
                drawn = socket.run(page.name, query=query)
                urls = [*drawn.files, *(socket.file_address(each) for each in drawn.deferred)]
                for url in urls:
                    answer = requests.get(site.address + url, timeout=60)
                    assert answer.status_code == 200
                    data += unpacked(answer.content)
    return data


def unpacked(data: bytes) -> bytes:
    """The files of an archive in a row; anything else as it is."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())


@pytest.mark.long
def test_downloads__carry_nothing_of_other_people(site: Site) -> None:
    """Each has an answer with a file of their name, a note and a slice of their own."""
    marks = {name: f"only-of-{name}" for name in ("user", "reviewer")}
    for name, mark in marks.items():
        given = Prediction("all", 0.87, 1.9, 0.5)
        answer = HistoryAnswer(f"{mark}.png", "a" * 64, "net", "f" * 64, 1, given, mark)
        [number] = history.add(site.opened, name, [answer])
        flags.flag(site.opened, name, number, f"note {mark}")
        slices.save(site.opened, name, of="net", name=f"slice {mark}", image_ids=[mark])
    for name, mark in marks.items():
        [other] = set(marks.values()) - {mark}
        data = downloads(site, name)
        assert mark.encode() in data  # their own history
        assert other.encode() not in data


def test_messages__of_an_administrator_act(site: Site) -> None:
    """What the tests before find without effect has one for who may."""
    before = site.content()
    with Socket(site.address, token=site.token("admin")) as socket:
        for query in queries("administration"):
            own = buttons(socket.run("administration", query=query).widgets)
            socket.run("administration", query=query, states=pressed(own))
    assert site.content() != before
