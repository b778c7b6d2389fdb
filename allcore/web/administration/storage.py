"""Storage: numbers of answers and pictures of each account, and space on the disk."""

from pathlib import Path

import pandas as pd
import streamlit as st

from allcore import formats, settings
from allcore.settings import Settings
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
    st.caption(f"{total_sentence(usage)} {_ABOUT}", width=frame.TEXT_WIDTH)
    st.subheader("Room on the disk", anchor=False)
    st.dataframe(
        disk_table(_parts(settings.load())),
        hide_index=True,
        width="content",
        key="room",
        alt="What each part takes",
    )
    st.caption(
        f"{_size_text(storage.free())} are free where ALLSCOPE_HOME is. "
        "Counted anew every few minutes.",
        width=frame.TEXT_WIDTH,
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
            "Called wrong": account.flagged,
            "Batches": account.batches,
            "Pictures": account.pictures,
            "Megabytes": round(account.picture_bytes / _MEGABYTE, 1),
        }
        for account in usage
    )


def total_sentence(usage: tuple[AccountUsage, ...]) -> str:
    """Say how much all accounts store together."""
    size = sum(account.picture_bytes for account in usage) / _MEGABYTE
    return (
        f"{formats.count(sum(account.predictions for account in usage), 'answer')} and "
        f"{formats.count(sum(account.pictures for account in usage), 'picture')} of "
        f"{size:,.1f} MB in all. "
        "Nobody but who asked sees which."
    )


def _parts(config: Settings) -> tuple[StoragePart, ...]:
    return _cached_parts(config.home, config.models, config.database)


@st.cache_data(max_entries=2, ttl=_CACHE_SECONDS, show_spinner="Counting files")
def _cached_parts(home: Path, models: Path, database: str) -> tuple[StoragePart, ...]:
    return storage.parts(accounts.store())


def _size_text(size: int) -> str:
    return f"{size / _MEGABYTE:,.1f} MB" if size < _GIGABYTE else f"{size / _GIGABYTE:,.1f} GB"
