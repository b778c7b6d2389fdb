"""Two servers on one PostgreSQL behind a real nginx with the configuration that is deployed."""

import os
import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from email.message import Message
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from allcore.settings import Settings
from allcore.store import accounts
from allcore.store import database as databases
from allcore.web import cookie
from benchmarks import servers
from tests import postgres
from tests.browser import forked, steps

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
ICONS = "https://fonts.gstatic.com/"
"""Where Streamlit has the icon of a browser's tab from; the policy does not let it."""
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
def database() -> str:
    """The address of the database behind both servers."""
    if not NGINX:
        pytest.skip("nginx is not installed")
    return postgres.emptied()


@pytest.fixture(scope="module")
def deployed(
    database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, list[str]]]:
    """The proxy's address and those of the two servers behind it, which share home and database."""
    folder = tmp_path_factory.mktemp("deployed")
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("ALLSCOPE_DATABASE_URL", database)
        patch.setenv("ALLSCOPE_TRUSTED_PROXY", "1")
        behind = [
            stack.enter_context(forked.serving(home=folder / "home", log=folder / f"{number}.txt"))
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


def trusting() -> ssl.SSLContext:
    """TLS with whoever has signed the certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def headers(address: str) -> Message:
    """The headers of an answer."""
    with urllib.request.urlopen(address, context=trusting(), timeout=20) as answer:
        told: Message = answer.headers
        return told


def status(address: str, **more: str) -> int:
    """How a request with more headers is answered; the names have underscores for hyphens."""
    told = {name.replace("_", "-"): value for name, value in more.items()}
    try:
        asked = urllib.request.Request(address, headers=told)
        with urllib.request.urlopen(asked, context=trusting(), timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_proxy__sends_the_security_headers_once(deployed: tuple[str, list[str]]) -> None:
    told = headers(deployed[0])
    assert "frame-ancestors 'none'" in told["Content-Security-Policy"]
    assert told["Strict-Transport-Security"].startswith("max-age=31536000")
    assert told["X-Content-Type-Options"] == "nosniff"
    assert told["Referrer-Policy"] == "same-origin"
    assert told["X-Frame-Options"] == "DENY"
    assert "/" not in told["Server"]
    assert all(len(told.get_all(name) or []) == 1 for name in told)


def handshake(address: str, context: ssl.SSLContext) -> tuple[str, str]:
    """Version and cipher that the proxy agrees on."""
    port = int(address.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as spoken,
    ):
        return str(spoken.version()), str((spoken.cipher() or ("", "", 0))[0])


def test_proxy__speaks_the_newest_tls(deployed: tuple[str, list[str]]) -> None:
    address = deployed[0]
    assert handshake(address, trusting())[0] == "TLSv1.3"
    middle = trusting()
    middle.maximum_version = ssl.TLSVersion.TLSv1_2
    version, cipher = handshake(address, middle)
    assert version == "TLSv1.2"
    assert cipher.startswith("ECDHE-") and ("GCM" in cipher or "CHACHA20" in cipher)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(address.replace("https", "http"), timeout=20).read()


@pytest.mark.filterwarnings("ignore:.*TLSv1:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_proxy__speaks_no_old_tls(deployed: tuple[str, list[str]], version: ssl.TLSVersion) -> None:
    old = trusting()
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, version
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(deployed[0], old)


@pytest.mark.parametrize("ciphers", ["ECDHE+AES+SHA1", "AES128-SHA", "AES128-GCM-SHA256", "DHE"])
def test_proxy__takes_no_weak_cipher(deployed: tuple[str, list[str]], ciphers: str) -> None:
    """None without forward secrecy, and none that is not authenticated encryption."""
    weak = trusting()
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(deployed[0], weak)


def test_proxy__lets_no_other_origin_ask(deployed: tuple[str, list[str]]) -> None:
    address = deployed[0]
    assert status(address) == status(address, Origin=address) == 200
    for other in ("https://evil.example", "null", address + ".evil.example", "http://localhost"):
        assert status(address, Origin=other) == 403
    assert status(f"{address}/_stcore/metrics") == 404


def test_proxy__has_no_media_kept(deployed: tuple[str, list[str]]) -> None:
    """What is shown and downloaded is no browser's to keep; the frame of the pages may be."""
    with pytest.raises(urllib.error.HTTPError) as missing:
        headers(f"{deployed[0]}/media/made-up.png")
    assert missing.value.headers["Cache-Control"] == "no-store"
    assert missing.value.headers["X-Content-Type-Options"] == "nosniff"
    assert headers(deployed[0])["Cache-Control"] == "no-cache"


def test_replicas__share_accounts_and_sessions(
    browser: Browser, deployed: tuple[str, list[str]], database: str
) -> None:
    address, behind = deployed
    opened = databases.connect(Settings(database_url=database))
    if accounts.find(opened, "grace") is None:  # the test may run a second time
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
    steps.sees_name(page, "Grace")  # over the socket, which the proxy upgrades
    steps.remembered(page)
    [kept] = [each for each in context.cookies() if cookie.NAME in each["name"]]
    assert kept["name"].startswith("__Host-")
    assert kept["secure"]
    assert kept["httpOnly"]
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
