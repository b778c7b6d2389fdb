"""Splits: built, imported or saved, with their leaks and the balance of their parts."""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from allcore import formats
from allcore.audit.findings import leaks
from allcore.audit.findings.leaks import SplitLeaks
from allcore.audit.index.catalogue import Catalogue
from allcore.data import splits
from allcore.labels import CLASS_NAMES
from allcore.plots import dataset as dataset_plots
from allcore.web import frame
from allcore.web.components import picker
from allcore.web.components.charts import show_chart, show_csv_download
from allcore.web.dataset import cell_window, connect_index, image_cards, splits_choice
from allcore.web.dataset.context import DatasetContext
from allcore.web.dataset.splits_choice import ChosenSplit

METHOD = """
A network learns from the training cells, its threshold is chosen on the validation cells and it is
judged on the test cells. By unseen subjects, groups of subjects are dealt into folds with a like
number of subjects of each class, then of cells; one fold is tested and the next one is validation.
Ids under which one and the same cell was found are one subject. The paper's protocol puts 8 of 10
images into training and one each into validation and test, at random and by class alone.
Duplicates are images of one cell: equal files, or textures that correlate at any rotation, which an
index finds.
"""
MAX_PAIRS, MAX_SUBJECTS = 6, 12
"""Most pairs of duplicates shown, and most subjects named."""
GOOD, BAD, OPEN = "good", "bad", "open"
_BOXES = {
    GOOD: (st.success, ":material/check_circle:"), BAD: (st.error, ":material/call_split:"),
    OPEN: (st.info, ":material/help:"),
}  # fmt: skip
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
    "Near duplicates were not searched, which needs the index. Only equal files were compared, as "
    "far as the data set's table has their digests."
)


def show_splits(context: DatasetContext) -> None:
    """Draw the view."""
    splits_choice.show_saved_notice()
    chosen = splits_choice.choose_split(context)
    if chosen is None:
        return
    about, table = context.catalogue.about, context.table
    rows = pd.util.hash_pandas_object(table["image_id"].to_frame().assign(part=chosen.parts))
    key = f"{context.path} {'' if about is None else about.finished} {rows.sum()}"
    split_leaks = _find_leaks(context.catalogue, chosen, key)
    frame.markdown(split_summary(split_leaks, chosen))
    for kind, sentence in leak_sentences(split_leaks):
        draw, icon = _BOXES[kind]
        draw(sentence, icon=icon, width=frame.TEXT_WIDTH)
    if not context.catalogue.is_indexed:
        connect_index.show_missing(context, "Near duplicates across parts")
    if len(split_leaks.pairs):
        _show_pairs(context, split_leaks, chosen.parts)
    subjects = subject_table(context, chosen) if split_leaks.groups else None
    _show_charts(split_leaks, subjects)
    _show_tables(split_leaks, subjects)
    st.subheader("Save it and train on it", anchor=False)
    splits_choice.show_save(context, chosen)
    with st.expander("Method"):
        frame.markdown(METHOD)


def split_summary(split_leaks: SplitLeaks, chosen: ChosenSplit) -> str:
    """Number of images in each part, left out, and in the smallest class of a part."""
    images = {name: split_leaks.images(key) for key, name in dataset_plots.PART_NAMES.items()}
    total = sum(images.values())
    parts = [f"{n:,} in {name} ({100 * n / max(1, total):.0f} %)" for name, n in images.items()]
    summary = f"**{formats.count(total, 'image')}**: {', '.join(parts)}."
    excluded = int((chosen.parts == splits.EXCLUDED).sum())
    if excluded:
        are = "is" if excluded == 1 else "are"
        summary += f" {formats.count(excluded, 'image')} {are} left out."
    smallest = split_leaks.smallest
    if smallest["images"]:  # every part has both classes
        subjects = smallest["subjects"]
        of = "" if pd.isna(subjects) else f" of {formats.count(int(subjects), 'subject')}"
        summary += (
            f" The smallest class of a part: {CLASS_NAMES[str(smallest['label'])]} in "
            f"{smallest['part']}, {formats.count(int(smallest['images']), 'image')}{of}."
        )
    return summary


def subject_table(context: DatasetContext, chosen: ChosenSplit) -> pd.DataFrame:
    """Images of each subject by part: columns subject, class, part, images."""
    table = context.table.assign(part=chosen.parts)
    used = table[table["part"].isin(splits.PARTS) & context.manifest.table["subject"].notna()]
    counts = used.groupby(["group", "label", "part"]).size().rename("images").reset_index()
    return counts.rename(columns={"group": "subject", "label": "class"})


def leak_sentences(split_leaks: SplitLeaks) -> list[tuple[str, str]]:
    """Sentences about the leaks of a split, each with `GOOD`, `BAD` or `OPEN`."""
    if sum(split_leaks.images(part) > 0 for part in splits.PARTS) < 2:
        return [(OPEN, ONE_PART)]
    sentences = []
    if split_leaks.subjects:
        sentences.append((BAD, _subject_leak_sentence(split_leaks)))
    if split_leaks.cells:
        sentences.append((BAD, _cell_leak_sentence(split_leaks)))
    if split_leaks.none_found and split_leaks.groups and not split_leaks.unknown:
        twins = "no two of their files are known to be equal"
        if split_leaks.searched_near:
            twins = "no cell is in two, neither as the same file nor as a near duplicate"
        sentences.append((
            GOOD,
            f"No leak was found: each of {formats.count(split_leaks.groups, 'subject')} is in one "
            f"part alone, and {twins}.",
        ))  # fmt: skip
    if split_leaks.unknown:
        sentences.append((
            OPEN,
            f"The subject of {formats.count(split_leaks.unknown, 'image')} is not known, so nobody "
            "can say whether a subject is in two parts.",
        ))  # fmt: skip
    if not split_leaks.searched_near:
        sentences.append((OPEN, NO_INDEX))
    return sentences


@st.cache_resource(max_entries=16, show_spinner=False)
def _find_leaks(_catalogue: Catalogue, _chosen: ChosenSplit, key: str) -> SplitLeaks:
    return leaks.find_split_leaks(_catalogue, _chosen.parts)


def _subject_leak_sentence(split_leaks: SplitLeaks) -> str:
    subjects = split_leaks.subjects
    names = ", ".join(frame.plain(name) for name in subjects[:MAX_SUBJECTS])
    more = f" and {len(subjects) - MAX_SUBJECTS:,} more" if len(subjects) > MAX_SUBJECTS else ""
    are = "is" if len(subjects) == 1 else "are"
    return (
        f"**{len(subjects):,} of {formats.count(split_leaks.groups, 'subject')} {are} on both "
        f"sides**, in two parts or more: {names}{more}. {WHY_SUBJECTS}"
    )


def _cell_leak_sentence(split_leaks: SplitLeaks) -> str:
    are = "cell is" if split_leaks.cells == 1 else "cells are"
    exact = split_leaks.exact
    equal = f", {exact:,} of them as the same file byte for byte" if exact else ""
    tested = formats.count(split_leaks.tested, "test image")
    show = "shows" if split_leaks.tested == 1 else "show"
    return (
        f"**{split_leaks.cells:,} {are} in two parts**{equal}. {tested} {show} a cell that is in "
        f"training or validation as well. {WHY_CELLS}"
    )


def _show_pairs(
    context: DatasetContext, split_leaks: SplitLeaks, parts: NDArray[np.object_]
) -> None:
    pairs = split_leaks.pairs[:MAX_PAIRS]
    st.caption(f"The first {len(pairs)} of {formats.count(len(split_leaks.pairs), 'pair')}: one "
               "and the same cell in two parts.")  # fmt: skip
    places = pairs.ravel()
    rows = context.table.iloc[places]
    cards = [
        replace(
            card,
            title=f"Pair {number // 2 + 1}, {parts[places[number]]}",
            detail=f"{card.title}, {card.image_id}",
        )
        for number, card in enumerate(image_cards.make_cards(rows, synthetic=context.synthetic))
    ]
    opened = picker.show_picker(
        cards, image_cards.thumbnail_sources(context, rows), key="split_twins_shown"
    )
    if opened is not None:
        ids = list(dict.fromkeys(card.image_id for card in cards))
        cell_window.open_cell(context, opened, ids)


def _show_charts(split_leaks: SplitLeaks, subjects: pd.DataFrame | None) -> None:
    left, right = st.columns(2)
    with left:
        show_chart(dataset_plots.split_part_bars(split_leaks.counts), name="split-parts")
    with right:
        if subjects is not None:
            figure = dataset_plots.split_subject_bars(subjects, split_leaks)
            show_chart(figure, name="split-subjects")
    measures = split_leaks.measures["measure"].unique()
    for column, measure in zip(st.columns(2), measures, strict=False):
        with column:
            figure = dataset_plots.measure_quartiles(split_leaks.measures, measure)
            show_chart(figure, name=f"split-{measure}")


def _show_tables(split_leaks: SplitLeaks, subjects: pd.DataFrame | None) -> None:
    counts = split_leaks.counts
    table = pd.DataFrame({
        "Part": counts["part"].map(dataset_plots.PART_NAMES),
        "Class": counts["label"].map(CLASS_NAMES),
        "Images": counts["images"],
        "Share of the part, %": (100 * counts["share"]).round(1),
        "Subjects": counts["subjects"],
    })  # fmt: skip
    with st.expander("Counts by part and class"):
        st.dataframe(table, hide_index=True)
        show_csv_download(table, name="split-counts")
    if subjects is None:
        return
    with st.expander("Subjects of each part"):
        for part, title in dataset_plots.PART_NAMES.items():
            names = subjects.loc[subjects["part"] == part, "subject"].unique()
            text = ", ".join(frame.plain(name) for name in sorted(names, key=_natural_key))
            number = formats.count(len(names), "subject")
            frame.markdown(f"**{title.capitalize()}**, {number}: {text or '-'}")
        show_csv_download(subjects, name="split-subjects", key="download split subjects")


def _natural_key(subject: str) -> tuple[str, int, str]:
    """Sort key that puts 2 before 10, and H2 before H10."""
    digits = "".join(letter for letter in subject.split("+")[0] if letter.isdecimal())
    return subject.rstrip("0123456789+")[:1], int(digits[:9] or 0), subject
