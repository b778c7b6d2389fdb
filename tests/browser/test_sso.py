"""Signing in through an identity provider, from the button to the sign-out, in a browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from allcore.settings import Settings
from allcore.store import accounts
from allcore.store import database as databases
from tests import oidc_provider
from tests.browser import forked, steps
from tests.browser.conftest import Server
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

BUTTON = "Sign in with your organization"
SECRETS = """[auth]
redirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"
cookie_secret = "{secret}"
client_id = "{client}"
client_secret = "{client_secret}"
server_metadata_url = "{issuer}/.well-known/openid-configuration"
client_kwargs = {{ scope = "openid profile email", code_challenge_method = "S256" }}
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with oidc_provider.serving(
        sub="248289", name="Jane <b>Doe</b>", preferred_username="Jane.Doe", email="a@b.org"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def joined(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose secrets name the provider."""
    folder = tmp_path_factory.mktemp("sso")
    told = SECRETS.format(
        secret="x" * 40, client=CLIENT_ID, client_secret=CLIENT_SECRET, issuer=provider.issuer
    )
    (folder / "secrets.toml").write_text(told)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STREAMLIT_SECRETS_FILES", str(folder / "secrets.toml"))
        terminal = folder / "terminal.txt"
        with forked.serving(home=folder / "home", log=terminal) as address:
            yield Server(address, terminal)


def home(server: Server) -> databases.Database:
    return databases.connect(Settings(home=server.terminal.parent / "home", database_url=None))


def test_sso__signs_in_and_out_and_keeps_the_disabled_out(
    browser: Browser, joined: Server, provider: Provider
) -> None:
    context, page = steps.opened(browser, joined.at("sign_in.py"))
    page.get_by_role("button", name=BUTTON).click()
    steps.sees_name(page, "Jane <b>Doe</b>")
    steps.remembered(page)
    opened = home(joined)
    [account] = accounts.list_all(opened)
    assert (account.username, account.role) == ("jane.doe", "user")
    assert account.display_name == "Jane <b>Doe</b>"
    assert account.email is None  # the provider has not verified it
    assert not account.has_password
    steps.sign_out(page)
    page.wait_for_timeout(4000)
    steps.settle(page)
    assert provider.ended == 1
    assert not [each for each in context.cookies() if "user" in each["name"]]
    steps.visit(page, joined.at("account.py"))
    steps.title(page, "Sign in")
    page.get_by_role("button", name=BUTTON).click()
    steps.sees_name(page, "Jane <b>Doe</b>")
    assert len(accounts.list_all(opened)) == 1
    accounts.set_active(opened, "jane.doe", active=False)
    steps.visit(page, joined.at("account.py"))
    steps.title(page, "Sign in")
    context.clear_cookies()
    steps.visit(page, joined.at("account.py"))
    page.get_by_role("button", name=BUTTON).click()
    expect(page.get_by_text("This account is disabled")).to_be_visible()
    steps.title(page, "Sign in")
    opened.engine.dispose()
    context.close()


def test_sso__a_token_of_a_foreign_key_signs_nobody_in(
    browser: Browser, joined: Server, provider: Provider
) -> None:
    provider.claims["sub"], provider.forged = "other", True
    context, page = steps.opened(browser, joined.at("sign_in.py"))
    page.get_by_role("button", name=BUTTON).click()
    page.wait_for_url(joined.address + "/")
    steps.settle(page)
    steps.sees_sign_in(page)
    opened = home(joined)
    assert [each.username for each in accounts.list_all(opened)] in ([], ["jane.doe"])
    opened.engine.dispose()
    provider.forged = False
    context.close()
