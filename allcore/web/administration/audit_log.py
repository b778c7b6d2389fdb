"""The audit log as administrators read it: filters, a page of lines, all of them as CSV."""

from datetime import UTC, date, datetime, time, timedelta

import pandas as pd
import streamlit as st

from allcore import formats
from allcore.store import accounts as people
from allcore.store import audit, roles
from allcore.store.audit import AuditEntry, AuditQuery
from allcore.store.database import Database
from allcore.web import accounts, frame
from allcore.web.accounts import Visitor

PAGE = 100


def show_audit_log(user: Visitor) -> None:
    """Draw the view."""
    store = accounts.store()
    query = _query(audit.actions(store))
    number = st.number_input("Page", 1, 1_000_000, 1, width=160)
    found = audit.search(store, query, offset=(number - 1) * PAGE, limit=PAGE)
    if not found.entries:
        st.info("No line matches.", icon=":material/search_off:", width=frame.TEXT_WIDTH)
    else:
        st.dataframe(audit_table(found.entries), hide_index=True, width="stretch", key="audit")
    st.caption(
        f"{formats.count(found.total, 'line')} in all, {PAGE} a page, the last first; "
        "times in UTC. "
        "Lines are added and never changed or deleted.",
        width=frame.TEXT_WIDTH,
    )
    st.download_button(
        "Download as CSV",
        lambda: audit_csv(store, user.name, query),
        "audit.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def audit_csv(store: Database, username: str, query: AuditQuery) -> bytes:
    """All lines as CSV, for who is an administrator now; nobody is signed in where this is called.

    Raises:
        NotAllowed: the account is none any more.
    """
    account = people.find(store, username)
    roles.require(account.role if account and account.active else "visitor", "administer")
    return audit.csv_bytes(store, query)


def audit_table(lines: tuple[AuditEntry, ...]) -> pd.DataFrame:
    """One row a line."""
    return pd.DataFrame(
        {
            "When": f"{each.at:%Y-%m-%d %H:%M:%S}",
            "Who": each.username,
            "What": each.action,
            "On": each.target,
            "From": each.address,
            "Detail": each.detail,
        }
        for each in lines
    )


def _query(kinds: tuple[str, ...]) -> AuditQuery:
    with st.container(horizontal=True):
        who = st.text_input("Who", placeholder="Username", width=200)
        what = st.selectbox("What", ["", *kinds], format_func=lambda each: each or "all", width=220)
        since = st.date_input("Since", None, width=160)
        until = st.date_input("Until", None, width=160)
        text = st.text_input("Text", placeholder="On, address or detail", width=220)
    after = None if until is None else _begin(until) + timedelta(days=1)
    return AuditQuery(who, what, None if since is None else _begin(since), after, text)


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
