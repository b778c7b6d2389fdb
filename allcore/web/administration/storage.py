"""Storage: numbers of answers and pictures of each account, and space on the disk."""

from pathlib import Path

import pandas as pd
import streamlit as st

from allcore import formats, settings
from allcore.store import storage
from allcore.store.storage import AccountUsage, StoragePart
from allcore.web import accounts, frame
from allcore.web.accounts import Visitor

_MEGABYTE, _GIGABYTE = 1e6, 1e9
_ABOUT = "For how long all is kept is set under Settings."
_CACHE_SECONDS = 300
"""Seconds for which the sizes on the disk are cached."""


def show_storage(_user: Visitor) -> None:
    """Draw the view."""
    store = accounts.store()
    st.subheader("History and pictures", anchor=False)
    usage = storage.usage_by_account(store)
    st.dataframe(
        usage_table(usage), hide_index=True, key="usage",
        alt="Answers, flags, batches and kept pictures of each account, as numbers",
    )  # fmt: skip
    answers, pictures, size = (
        sum(getattr(account, name) for account in usage)
        for name in ("predictions", "pictures", "picture_bytes")
    )
    frame.caption(
        f"{formats.count(answers, 'answer')} and {formats.count(pictures, 'picture')} of "
        f"{size / _MEGABYTE:,.1f} MB in all. Nobody but who asked sees which. {_ABOUT}"
    )
    st.subheader("Room on the disk", anchor=False)
    config = settings.load()
    parts = _parts(config.home, config.models, config.database)
    st.dataframe(
        disk_table(parts), hide_index=True, width="content", key="room", alt="What each part takes"
    )
    frame.caption(
        f"{_size_text(storage.free())} are free where ALLSCOPE_HOME is. "
        "Counted anew every few minutes."
    )


def disk_table(parts: tuple[StoragePart, ...]) -> pd.DataFrame:
    """Return the size of each part on the disk."""
    return pd.DataFrame(
        {
            "What": part.name,
            "Size": f"{'' if part.whole else 'at least '}{_size_text(part.size)}",
            "Where": part.place or "on the database's server",
        }
        for part in parts
    )


def usage_table(usage: tuple[AccountUsage, ...]) -> pd.DataFrame:
    """Return the numbers of each account's records."""
    return pd.DataFrame(
        {
            "Username": account.username,
            "Answers": account.predictions,
            "Flagged": account.flagged,
            "Batches": account.batches,
            "Pictures": account.pictures,
            "Megabytes": round(account.picture_bytes / _MEGABYTE, 1),
        }
        for account in usage
    )


@st.cache_data(max_entries=2, ttl=_CACHE_SECONDS, show_spinner="Counting files")
def _parts(home: Path, models: Path, database: str) -> tuple[StoragePart, ...]:
    return storage.parts(accounts.store())


def _size_text(size: int) -> str:
    return f"{size / _MEGABYTE:,.1f} MB" if size < _GIGABYTE else f"{size / _GIGABYTE:,.1f} GB"
