"""The visitor's address, as far as it is known."""

import ipaddress

import streamlit as st

from allcore import settings


def of_visitor() -> str:
    """Return the visitor's address; empty where it is unknown, as on the machine itself.

    Clients can forge X-Forwarded-For, so it counts only as far as `ALLSCOPE_TRUSTED_PROXY` gives
    the number of proxies before the app: each has added one entry at the end, some of them as a
    header of its own.
    """
    proxies = settings.load().trusted_proxy
    if not proxies:
        return checked(st.context.ip_address or "")
    header = ",".join(st.context.headers.get_all("X-Forwarded-For"))
    entries = [entry.strip() for entry in header.split(",")]
    return checked(entries[-proxies]) if len(entries) >= proxies else ""


def checked(text: str) -> str:
    """Return an address in normal form, or an empty text where it is none."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def behind_tls() -> bool:
    """Tell whether the visitor's browser uses TLS, with the app or with a proxy before it."""
    forwarded = (st.context.headers.get("X-Forwarded-Proto") or "").split(",")[0].strip()
    secure = settings.load().secure_cookie or (st.context.url or "").startswith("https:")
    return secure or forwarded.lower() == "https"
