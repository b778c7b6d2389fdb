"""What is kept: answers and pictures of each account in numbers, and room on the disk."""

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
_COUNTED_FOR = 300
"""Seconds for which what was counted on the disk is shown."""


def show_storage(_user: Visitor) -> None:
    """Draw the view."""
    store = accounts.store()
    st.subheader("History and pictures", anchor=False)
    found = storage.usage_by_account(store)
    st.dataframe(
        usage_table(found), hide_index=True, key="usage",
        alt="Answers, flags, batches and kept pictures of each account, as numbers",
    )  # fmt: skip
    st.caption(f"{total_sentence(found)} {_ABOUT}", width=frame.TEXT_WIDTH)
    st.subheader("Room on the disk", anchor=False)
    st.dataframe(
        disk_table(_parts(settings.load())),
        hide_index=True,
        width="content",
        key="room",
        alt="What each part takes",
    )
    st.caption(
        f"{_said(storage.free())} are free where ALLSCOPE_HOME is. Counted anew every few minutes.",
        width=frame.TEXT_WIDTH,
    )


def disk_table(found: tuple[StoragePart, ...]) -> pd.DataFrame:
    """What each part takes on the disk."""
    return pd.DataFrame(
        {
            "What": each.name,
            "Size": f"{'' if each.whole else 'at least '}{_said(each.size)}",
            "Where": each.place or "on the database's server",
        }
        for each in found
    )


def usage_table(found: tuple[AccountUsage, ...]) -> pd.DataFrame:
    """What is kept of each account, in numbers only."""
    return pd.DataFrame(
        {
            "Username": each.username,
            "Answers": each.predictions,
            "Called wrong": each.flagged,
            "Batches": each.batches,
            "Pictures": each.pictures,
            "Megabytes": round(each.picture_bytes / _MEGABYTE, 1),
        }
        for each in found
    )


def total_sentence(found: tuple[AccountUsage, ...]) -> str:
    """Say how much is kept of everybody together."""
    size = sum(each.picture_bytes for each in found) / _MEGABYTE
    return (
        f"{formats.count(sum(each.predictions for each in found), 'answer')} and "
        f"{formats.count(sum(each.pictures for each in found), 'picture')} of "
        f"{size:,.1f} MB in all. "
        "Nobody but who asked sees which."
    )


def _parts(config: Settings) -> tuple[StoragePart, ...]:
    return _counted(config.home, config.models, config.database)


@st.cache_data(max_entries=2, ttl=_COUNTED_FOR, show_spinner="Counting files")
def _counted(home: Path, models: Path, database: str) -> tuple[StoragePart, ...]:
    return storage.parts(accounts.store())


def _said(size: int) -> str:
    return f"{size / _MEGABYTE:,.1f} MB" if size < _GIGABYTE else f"{size / _GIGABYTE:,.1f} GB"
