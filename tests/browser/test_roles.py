"""On a server that nobody has asked for `/` yet, a role opens its pages and none above it."""

from datetime import datetime, timedelta

import jwt
import pytest

from allcore.settings import Settings
from allcore.store import accounts, database, roles, sessions
from allcore.web import cookie, page_table
from tests.browser import steps
from tests.browser.conftest import Server, Start
from tests.browser.socket_client import DATA, Socket

pytestmark = pytest.mark.timeout(900)

ABOVE = [
    (role, entry)
    for role in roles.ACCOUNT_ROLES
    for entry in page_table.PAGES
    if not entry.opens_to(role)
]


def comes_back(server: Server, role: str) -> Socket:
    """A tab that brings along the cookie of somebody who has signed in before."""
    home = server.terminal.parent / "home"
    opened = database.connect(Settings(home=home, database_url=None))
    account = accounts.create(
        opened, username="ada", display_name="Ada", password=steps.PASSWORD, role=role
    )
    claims = {
        "username": "ada",
        "session": sessions.begin(opened, account),
        "exp_date": (datetime.now() + timedelta(days=1)).timestamp(),
    }
    opened.engine.dispose()
    token = jwt.encode(claims, cookie.signing_key(home), algorithm="HS256")
    return Socket(server.address, token=token)


@pytest.mark.parametrize(("role", "entry"), ABOVE, ids=lambda each: getattr(each, "name", each))
def test_cold_server__opens_no_page_above_the_role(
    start: Start, role: str, entry: page_table.Page
) -> None:
    with start() as server, comes_back(server, role) as socket:
        drawn = socket.run(entry.name)
        assert drawn.titles == [f"For {roles.ROLES[entry.role].people}"]
        assert not drawn.kinds & {*DATA, "button"}


@pytest.mark.parametrize(("role", "name"), [("reviewer", "review"), ("admin", "administration")])
def test_cold_server__opens_the_page_of_the_role(start: Start, role: str, name: str) -> None:
    """What the test before finds closed is open to who may."""
    with start() as server, comes_back(server, role) as socket:
        drawn = socket.run(name)
        assert drawn.titles == [name.title()]
        assert "exception" not in drawn.kinds
