from collections.abc import Mapping

import pytest
import streamlit as st
from streamlit.runtime.context import StreamlitHeaders

from allcore.web import client_address


def seen(
    monkeypatch: pytest.MonkeyPatch,
    *,
    proxies: int,
    headers: Mapping[str, str | list[str]],
    url: str = "http://app",
) -> None:
    """Have the app be asked from 192.0.2.1, with these headers."""
    monkeypatch.setenv("ALLSCOPE_TRUSTED_PROXY", str(proxies))
    lines = [
        (name, value)
        for name, values in headers.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    brought = {"ip_address": "192.0.2.1", "headers": StreamlitHeaders(lines), "url": url}
    monkeypatch.setattr(st, "context", type("Context", (), brought))


@pytest.mark.parametrize(
    ("proxies", "forwarded", "found"),
    [
        (0, "10.0.0.1", "192.0.2.1"),
        (1, "10.0.0.1", "10.0.0.1"),
        (1, "1.1.1.1, 10.0.0.1", "10.0.0.1"),
        (2, "1.1.1.1, 10.0.0.1, 10.0.0.2", "10.0.0.1"),
        (2, "10.0.0.1", ""),
        (1, "nonsense", ""),
        (1, "", ""),
        (1, "2001:DB8::0:1", "2001:db8::1"),
        (1, ["1.1.1.1", "10.0.0.1"], "10.0.0.1"),  # the first line is the browser's own
        (2, ["1.1.1.1, 2.2.2.2", "10.0.0.1, 10.0.0.2"], "10.0.0.1"),
    ],
)
def test_of_visitor__believes_as_many_proxies_as_there_are(
    proxies: int, forwarded: str | list[str], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen(monkeypatch, proxies=proxies, headers={"X-Forwarded-For": forwarded})
    assert client_address.of_visitor() == found


def test_behind_tls__by_address_header_or_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    seen(monkeypatch, proxies=0, headers={})
    assert not client_address.behind_tls()
    monkeypatch.setenv("ALLSCOPE_SECURE_COOKIE", "1")
    assert client_address.behind_tls()
    monkeypatch.delenv("ALLSCOPE_SECURE_COOKIE")
    seen(monkeypatch, proxies=0, headers={"X-Forwarded-Proto": "https"})
    assert client_address.behind_tls()
    seen(monkeypatch, proxies=0, headers={}, url="https://app")
    assert client_address.behind_tls()
