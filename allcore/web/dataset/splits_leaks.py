"""What a split lets through, in words and pictures."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from allcore import formats
from allcore.audit.findings.leaks import SplitLeaks
from allcore.data.splits import PARTS
from allcore.web import frame
from allcore.web.components import picker
from allcore.web.components.picker import Card
from allcore.web.dataset import cell_window, image_cards
from allcore.web.dataset.context import Context

PAIRS = 6
"""Pairs of twins that are shown."""
NAMED = 12
"""Subjects that are named."""
GOOD, BAD, OPEN = "good", "bad", "open"
WHY_SUBJECTS = (
    "Whoever recognises a subject knows the label, for each is all ALL or all normal: figures say "
    "nothing about a new subject."
)
WHY_CELLS = "A model that was trained on a cell is not tested by it, and figures come out too good."
ONE_PART = (
    "Nothing is held out here, so there is nothing that could leak. A model that learned from all "
    "images in the end is judged out of fold, by networks that did not: its card tells how."
)
NO_INDEX = (
    "Near twins were not looked for, since the data set is not indexed: start it under Connect "
    "data. Only equal files were compared, as far as the data set's table has their digests."
)


def show_leaks(context: Context, found: SplitLeaks, parts: NDArray[np.object_]) -> None:
    """Draw what was found, and the first pairs of twins.

    Args:
        context: of the page.
        found: in the split.
        parts: (N,) of each row of the catalogue's table.
    """
    for kind, sentence in leak_sentences(found):
        if kind == GOOD:
            st.success(sentence, icon=":material/check_circle:", width=frame.TEXT_WIDTH)
        elif kind == BAD:
            st.error(sentence, icon=":material/call_split:", width=frame.TEXT_WIDTH)
        else:
            st.info(sentence, icon=":material/help:", width=frame.TEXT_WIDTH)
    if len(found.pairs):
        _pairs(context, found, parts)


def leak_sentences(found: SplitLeaks) -> list[tuple[str, str]]:
    """What is to say, each with how it is meant: good, bad, or open."""
    held = [part for part in PARTS if found.images(part)]
    if len(held) < 2:
        return [(OPEN, ONE_PART)]
    told = []
    if found.subjects:
        told.append((BAD, _subjects(found)))
    if found.cells:
        told.append((BAD, _cells(found)))
    if found.none_found and found.groups and not found.unknown:
        twins = "no cell is in two, neither as the same file nor as a near twin"
        cells = twins if found.looked else "no two of their files are known to be equal"
        told.append((
            GOOD,
            f"No leak was found: each of {formats.count(found.groups, 'subject')} is in one part "
            f"alone, and {cells}.",
        ))  # fmt: skip
    if found.unknown:
        told.append((
            OPEN,
            f"The subject of {formats.count(found.unknown, 'image')} is not known, "
            "so nobody can say "
            "whether a subject is in two parts.",
        ))  # fmt: skip
    if not found.looked:
        told.append((OPEN, NO_INDEX))
    return told


def _subjects(found: SplitLeaks) -> str:
    named = ", ".join(frame.plain(name) for name in found.subjects[:NAMED])
    more = len(found.subjects) - NAMED
    tail = f" and {more:,} more" if more > 0 else ""
    are = "is" if len(found.subjects) == 1 else "are"
    return (
        f"**{len(found.subjects):,} of {formats.count(found.groups, 'subject')} {are} on both "
        f"sides**, in two parts or more: {named}{tail}. {WHY_SUBJECTS}"
    )


def _cells(found: SplitLeaks) -> str:
    are = "cell is" if found.cells == 1 else "cells are"
    equal = f", {found.exact:,} of them as the same file byte for byte" if found.exact else ""
    tested = (
        f"{formats.count(found.tested, 'test image')} {'shows' if found.tested == 1 else 'show'}"
    )
    return (
        f"**{found.cells:,} {are} in two parts**{equal}. {tested} a cell that is in training or "
        f"validation as well. {WHY_CELLS}"
    )


def _pairs(context: Context, found: SplitLeaks, parts: NDArray[np.object_]) -> None:
    shown = found.pairs[:PAIRS]
    st.caption(f"The first {len(shown)} of {formats.count(len(found.pairs), 'pair')}: one and the "
               "same cell in two parts.")  # fmt: skip
    places = shown.ravel()
    rows = context.table.iloc[places]
    cards = [
        _card(number, str(parts[place]), card)
        for number, (place, card) in enumerate(
            zip(places, image_cards.make_cards(rows, synthetic=context.synthetic), strict=True)
        )
    ]
    opened = picker.show(
        cards, image_cards.thumbnail_sources(context, rows), key="split_twins_shown"
    )
    if opened is not None:
        ids = list(dict.fromkeys(card.image_id for card in cards))
        cell_window.open_cell(context, opened, ids)


def _card(number: int, part: str, card: Card) -> Card:
    """The card of a picture, with its pair and its part in this split."""
    title = f"Pair {number // 2 + 1}, {part}"
    return Card(card.image_id, card.label, title, f"{card.title}, {card.image_id}", card.synthetic)
