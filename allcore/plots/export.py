"""What a figure carries when it leaves the program: the notice, and a file name that fits it."""

import re
from html import unescape
from typing import Any

import plotly.graph_objects as go

from allcore import notice

WIDTH = 900
"""Pixels of a saved figure before it is scaled."""
_SUBTITLE = {"text": notice.RESEARCH_USE, "font": {"size": 11}}
_ROOM = 18  # pixels that the line takes above the figure
_LONGEST = 80


def with_notice(layout: dict[str, Any]) -> dict[str, Any]:
    """A figure's layout with the notice as a small line below the title.

    The line belongs to the title, so it stays clear of axes and legends at any width, and is part
    of every picture that is saved of the figure.

    Args:
        layout: of a figure, as `to_plotly_json` gives it; a title may be missing.
    """
    title, margin = dict(layout.get("title") or {}), dict(layout.get("margin") or {})
    title.setdefault("text", "")
    if title.get("subtitle", {}).get("text") != notice.RESEARCH_USE:
        title["subtitle"] = dict(_SUBTITLE)
        if "t" in margin:
            margin["t"] += _ROOM
    return layout | {"title": title, "margin": margin}


def label(figure: go.Figure) -> None:
    """The same in place, in a millisecond, once however often it is asked for."""
    layout = figure.layout
    if layout.title.subtitle.text == notice.RESEARCH_USE:
        return
    layout.title.subtitle = _SUBTITLE
    if layout.margin.t is not None:
        layout.margin.t += _ROOM


def plain(title: str) -> str:
    """A figure's title as plain text, without its breaks and mark-up."""
    return unescape(re.sub(r"<[^>]*>", "", re.sub(r"<br ?/?>", " ", title)))


def file_name(name: str) -> str:
    """A name as a file of any system may be called, without suffix.

    >>> file_name("ROC: qcresnet-cnmc / test")
    'ROC-qcresnet-cnmc-test'
    """
    words = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-_")
    return re.sub(r"-{2,}", "-", words)[:_LONGEST] or "figure"
