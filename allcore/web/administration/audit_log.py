"""The audit log for administrators: filters, a page of entries, all of them as CSV."""

from datetime import UTC, datetime, time, timedelta

import pandas as pd
import streamlit as st

from allcore import formats
from allcore.store import accounts as people
from allcore.store import audit, roles
from allcore.store.audit import AuditEntry, AuditQuery
from allcore.store.database import Database
from allcore.web import accounts, frame
from allcore.web.accounts import Visitor
from allcore.web.components.charts import show_download

PAGE = 100


def show_audit_log(user: Visitor) -> None:
    """Draw the view."""
    store = accounts.store()
    query = _query(audit.actions(store))
    number = st.number_input("Page", 1, 1_000_000, 1, width=160)
    page = audit.search(store, query, offset=(number - 1) * PAGE, limit=PAGE)
    if not page.entries:
        frame.info("No line matches.", icon=":material/search_off:")
    else:
        st.dataframe(audit_table(page.entries), hide_index=True, width="stretch", key="audit")
    frame.caption(
        f"{formats.count(page.total, 'line')} in all, {PAGE} a page, the last first; times in UTC. "
        "Lines are added and never changed or deleted."
    )
    show_download("Download as CSV", lambda: audit_csv(store, user.name, query), "audit.csv")


def audit_csv(store: Database, username: str, query: AuditQuery) -> bytes:
    """Return all entries as CSV for an administrator; Streamlit calls this outside the session.

    Raises:
        NotAllowed: the account is no administrator any more.
    """
    account = people.find(store, username)
    roles.require(account.role if account and account.active else "visitor", "administer")
    return audit.csv_bytes(store, query)


def audit_table(entries: tuple[AuditEntry, ...]) -> pd.DataFrame:
    """Return one row an entry."""
    return pd.DataFrame(
        {
            "When": f"{entry.at:%Y-%m-%d %H:%M:%S}",
            "Who": entry.username,
            "What": entry.action,
            "On": entry.target,
            "From": entry.address,
            "Detail": entry.detail,
        }
        for entry in entries
    )


def _query(kinds: tuple[str, ...]) -> AuditQuery:
    with st.container(horizontal=True):
        who = st.text_input("Who", placeholder="Username", width=200)
        what = st.selectbox("What", ["", *kinds], format_func=lambda kind: kind or "all", width=220)
        since = st.date_input("Since", None, width=160)
        until = st.date_input("Until", None, width=160)
        text = st.text_input("Text", placeholder="On, address or detail", width=220)
    first, last = (
        None if day is None else datetime.combine(day, time(), UTC) for day in (since, until)
    )
    return AuditQuery(who, what, first, last and last + timedelta(days=1), text)
