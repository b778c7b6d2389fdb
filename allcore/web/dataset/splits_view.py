"""Splits: built or brought, looked through before anything is trained, saved and taken along."""

import hashlib
from typing import Any

import pandas as pd
import streamlit as st

from allcore import formats
from allcore.audit.findings import leaks
from allcore.audit.findings.leaks import SplitLeaks
from allcore.audit.index.catalogue import Catalogue
from allcore.data import splits
from allcore.errors import AllScopeError
from allcore.labels import CLASS_NAMES
from allcore.plots import dataset_splits
from allcore.web import frame
from allcore.web.components.charts import chart, table_csv
from allcore.web.dataset import splits_choice, splits_leaks, splits_save
from allcore.web.dataset.context import Context
from allcore.web.dataset.splits_choice import ChosenSplit

METHOD = """
A network learns from the training cells, its threshold is chosen on the validation cells and it is
judged on the test cells. By unseen subjects, groups of subjects are dealt into folds with a like
number of subjects of each class, then of cells; one fold is tested and the next one is validation.
Ids under which one and the same cell was found are one subject. The paper's protocol puts 8 of 10
images into training and one each into validation and test, at random and by class alone. Twins are
pictures of one cell: equal files, or textures that correlate at any turn, which an index finds.
"""


def show_splits(context: Context) -> None:
    """Draw the view."""
    splits_save.show_saved_notice()
    try:
        chosen = splits_choice.choose_split(context)
    except AllScopeError as error:
        frame.problem(error)
        return
    if chosen is None:
        return
    found = _looked(context.catalogue, chosen)
    st.markdown(split_summary(found, chosen), width=frame.TEXT_WIDTH)
    splits_leaks.show_leaks(context, found, chosen.parts)
    _figures(context, found, chosen)
    _tables(context, found, chosen)
    st.subheader("Keep it and train on it", anchor=False)
    splits_save.show_save(context, chosen)
    with st.expander("Method"):
        st.markdown(METHOD, width=frame.TEXT_WIDTH)


def split_summary(found: SplitLeaks, chosen: ChosenSplit) -> str:
    """How many images each part has."""
    total = sum(found.images(part) for part in splits.PARTS)
    told = [
        f"{found.images(part):,} in {name} ({100 * found.images(part) / max(1, total):.0f} %)"
        for part, name in dataset_splits.PART_NAMES.items()
    ]
    out = int((chosen.parts == splits.EXCLUDED).sum())
    left = f" {formats.count(out, 'image')} {'is' if out == 1 else 'are'} left out." if out else ""
    return f"**{formats.count(total, 'image')}**: {', '.join(told)}.{left}{_smallest(found)}"


def part_table(found: SplitLeaks) -> pd.DataFrame:
    """The counts as a table: a row a part and class."""
    counts = found.counts
    return pd.DataFrame({
        "Part": counts["part"].map(dataset_splits.PART_NAMES),
        "Class": counts["label"].map(CLASS_NAMES),
        "Images": counts["images"],
        "Share of the part, %": (100 * counts["share"]).round(1),
        "Subjects": counts["subjects"],
    })  # fmt: skip


def subject_table(context: Context, chosen: ChosenSplit) -> pd.DataFrame:
    """Images of each subject by part: columns subject, class, part, images."""
    table = context.table.assign(part=chosen.parts)
    used = table[table["part"].isin(splits.PARTS) & context.manifest.table["subject"].notna()]
    counts = used.groupby(["group", "label", "part"]).size().rename("images").reset_index()
    return counts.rename(columns={"group": "subject", "label": "class"})


def _figures(context: Context, found: SplitLeaks, chosen: ChosenSplit) -> None:
    left, right = st.columns(2)
    with left:
        chart(dataset_splits.parts(found.counts), name="split-parts")
    with right:
        if found.groups:
            chart(
                dataset_splits.subjects(subject_table(context, chosen), found),
                name="split-subjects",
            )
    measures = found.measures["measure"].unique()
    for place, measure in zip(st.columns(2), measures, strict=False):
        with place:
            chart(dataset_splits.spread(found.measures, measure), name=f"split-{measure}")


def _tables(context: Context, found: SplitLeaks, chosen: ChosenSplit) -> None:
    with st.expander("Counts by part and class"):
        table = part_table(found)
        st.dataframe(table, hide_index=True)
        table_csv(table, name="split-counts")
    if not found.groups:
        return
    with st.expander("Subjects of each part"):
        people = subject_table(context, chosen)
        for part, name in dataset_splits.PART_NAMES.items():
            named = people.loc[people["part"] == part, "subject"].unique()
            listed = ", ".join(frame.plain(each) for each in sorted(named, key=_natural))
            st.markdown(
                f"**{name.capitalize()}**, {formats.count(len(named), 'subject')}: {listed or '-'}",
                width=frame.TEXT_WIDTH,
            )
        table_csv(people, name="split-subjects", key="download split subjects")


def _looked(catalogue: Catalogue, chosen: ChosenSplit) -> SplitLeaks:
    told = "\n".join(f"{each}" for each in chosen.parts)
    finished = "" if catalogue.about is None else catalogue.about.finished
    ids = pd.util.hash_pandas_object(catalogue.table["image_id"], index=False).sum()
    digest = hashlib.sha256(f"{finished}\n{ids}\n{told}".encode()).hexdigest()
    return _found(catalogue, chosen, f"{catalogue.path}\n{digest}")


@st.cache_resource(max_entries=16, show_spinner=False)
def _found(_catalogue: Catalogue, _chosen: ChosenSplit, key: str) -> SplitLeaks:
    return leaks.find_split_leaks(_catalogue, _chosen.parts)


def _smallest(found: SplitLeaks) -> str:
    """The class that a part has least of, where every part has both."""
    least = found.smallest
    if not least["images"]:
        return ""
    return (
        f" The smallest class of a part: {CLASS_NAMES[str(least['label'])]} in {least['part']}, "
        f"{formats.count(int(least['images']), 'image')}{_people(least['subjects'])}."
    )


def _people(subjects: Any) -> str:
    return "" if pd.isna(subjects) else f" of {formats.count(int(subjects), 'subject')}"


def _natural(subject: str) -> tuple[str, int, str]:
    """Sort 2 before 10, and H2 before H10."""
    digits = "".join(letter for letter in subject.split("+")[0] if letter.isdecimal())
    return subject.rstrip("0123456789+")[:1], int(digits[:9] or 0), subject
