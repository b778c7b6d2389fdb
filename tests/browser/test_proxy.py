"""Two servers on one PostgreSQL behind a real nginx with the configuration that is deployed."""

import os
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy
from playwright.sync_api import Browser, expect

from allcore.settings import Settings
from allcore.store import accounts
from allcore.store import database as databases
from allcore.web import cookie
from benchmarks import servers
from tests.browser import steps

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
ICONS = "https://fonts.gstatic.com/"
"""Where Streamlit has the icon of a browser's tab from; the policy does not let it."""
POSTGRES = os.environ.get("ALLSCOPE_TEST_POSTGRES")
OUTER = """daemon off; pid {folder}/nginx.pid; error_log stderr;
{user}events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """The proxy's address and those of the two servers behind it, which share home and database."""
    if not NGINX:
        pytest.skip("nginx is not installed")
    if not POSTGRES:
        pytest.skip("ALLSCOPE_TEST_POSTGRES names no PostgreSQL server")
    engine = sqlalchemy.create_engine(POSTGRES)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()
    folder = tmp_path_factory.mktemp("deployed")
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("ALLSCOPE_DATABASE_URL", POSTGRES)
        patch.setenv("ALLSCOPE_TRUSTED_PROXY", "1")
        behind = [
            stack.enter_context(
                servers.serving(servers.APP, home=folder / "home", log=folder / f"{number}.txt")
            )
            for number in (1, 2)
        ]
        yield stack.enter_context(_Proxy(folder, behind)).address, behind


class _Proxy:
    """nginx with a certificate that it has made itself."""

    def __init__(self, folder: Path, behind: list[str]) -> None:
        port = servers.free_port()
        self.folder, self.address = folder, f"https://localhost:{port}"
        subprocess.run(
            f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
            f"-keyout {folder}/tls.key -out {folder}/tls.crt".split(),
            check=True,
            capture_output=True,
        )
        text = (servers.ROOT / "deploy" / "nginx.conf.template").read_text()
        for name, value in {
            "UPSTREAMS": "".join(f"server {each.removeprefix('http://')};" for each in behind),
            "LISTEN": f"127.0.0.1:{port}",
            "CERTIFICATES": str(folder),
        }.items():
            text = text.replace(f"${{{name}}}", value)
        (folder / "site.conf").write_text(text)
        user = "user root;\n" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(OUTER.format(folder=folder, user=user))

    def __enter__(self) -> "_Proxy":
        command = [str(NGINX), "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")]
        self.process = subprocess.Popen(command)
        latest = time.monotonic() + 20
        while True:
            try:
                headers(self.address)
                return self
            except (urllib.error.URLError, OSError):
                assert time.monotonic() < latest
                assert self.process.poll() is None
                time.sleep(0.1)

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()


def headers(address: str) -> dict[str, str]:
    """The headers of an answer, whoever has signed the certificate."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with urllib.request.urlopen(address, context=trusting, timeout=20) as answer:
        return dict(answer.headers.items())


def test_proxy__sends_the_security_headers_once(deployed: tuple[str, list[str]]) -> None:
    told = headers(deployed[0])
    assert "frame-ancestors 'none'" in told["Content-Security-Policy"]
    assert told["Strict-Transport-Security"].startswith("max-age=31536000")
    assert told["X-Content-Type-Options"] == "nosniff"
    assert told["Referrer-Policy"] == "same-origin"
    assert "/" not in told["Server"]


def test_replicas__share_accounts_and_sessions(
    browser: Browser, deployed: tuple[str, list[str]]
) -> None:
    address, behind = deployed
    opened = databases.connect(Settings(database_url=POSTGRES))
    accounts.create(
        opened, username="grace", display_name="Grace", password=steps.PASSWORD, role="user"
    )
    opened.engine.dispose()
    context = browser.new_context(ignore_https_errors=True)
    context.set_default_timeout(steps.PATIENCE)
    page = context.new_page()
    blocked: list[str] = []
    page.on(
        "console",
        lambda said: blocked.append(said.text) if "Content Security" in said.text else None,
    )
    steps.visit(page, f"{address}/sign_in")
    steps.sign_in(page, "grace")
    out = page.get_by_test_id("stSidebarNav").get_by_role("link", name="Sign out")
    expect(out).to_be_visible()  # over the socket, which the proxy upgrades
    steps.remembered(page)
    [kept] = [each for each in context.cookies() if cookie.NAME in each["name"]]
    assert kept["name"].startswith("__Host-")
    assert kept["secure"]
    assert kept["sameSite"] == "Strict"
    for name in ("evaluation", "dataset", "history"):
        steps.visit(page, f"{address}/{name}")
    assert [text for text in blocked if ICONS not in text] == []
    context.close()
    for each in behind:  # the cookie of one is good at the other: key and database are shared
        context = browser.new_context()
        context.add_cookies([{"name": cookie.NAME, "value": kept["value"], "url": each}])
        page = context.new_page()
        steps.visit(page, f"{each}/account")
        steps.title(page, "Account")
        context.close()
