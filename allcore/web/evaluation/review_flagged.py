"""Answers on Predict that people called wrong, beside what two reviewers saw in the picture.

An uploaded picture has no label, so nothing here enters a verdict, a figure or the agreement.
"""

from collections import defaultdict
from collections.abc import Set

import pandas as pd
import streamlit as st

from allcore import formats
from allcore.labels import CLASS_NAMES
from allcore.store import flags, pictures, reviews
from allcore.store.flags import Flag
from allcore.web import accounts, frame
from allcore.web.components.charts import show_csv_download
from allcore.web.evaluation.review_queue import ReviewQueue

_DIGITS = 12


def show_flagged_answers(found: ReviewQueue) -> None:
    """Draw the list where there is any flagged answer; people's notes are for people here."""
    if not found.flagged or not found.visitor.signed_in:
        return
    st.subheader("Answers called wrong", anchor=False)
    kept = pictures.flagged_digests(accounts.store(), found.context.source.key)
    ids = {item.image_id for item in found.flagged}
    hidden = {each for each in ids & found.open_to_me if _digest(each) in kept}
    st.markdown(
        f"People flagged the answer to **{formats.count(len(found.flagged), 'picture')}** that "
        "they "
        "uploaded. These have no label, so they enter no verdict and no figure."
        + (f" {formats.count(len(hidden), 'picture')} that you may still judge: not shown to you."
           if hidden else ""),
        width=frame.TEXT_WIDTH,
    )  # fmt: skip
    rows = flagged_table(
        found, [flag for flag in _flags(found) if flag.image_id in ids - hidden], kept
    )
    if len(rows):
        st.dataframe(
            rows, hide_index=True, key="review_flagged",
            alt="Flagged answers: what the model said, the note, and what reviewers saw",
        )  # fmt: skip
        show_csv_download(rows, name=f"{found.context.source.name}-flagged", label="Flagged as CSV")


def flagged_table(found: ReviewQueue, flagged: list[Flag], kept: Set[str]) -> pd.DataFrame:
    """A row a flagged answer; without the file's name and without who asked.

    Args:
        found: the queue.
        flagged: the answers to list.
        kept: digests of the pictures that reviewers can see.
    """
    said = defaultdict[str, list[str]](list)
    for one in found.judgements:
        said[one.image_id].append(reviews.JUDGEMENTS[one.seen])
    return pd.DataFrame(
        {
            "Picture (SHA-256)": _digest(flag.image_id)[:_DIGITS],
            "Picture": "kept" if _digest(flag.image_id) in kept else "not kept",
            "The model said": CLASS_NAMES.get(flag.verdict, flag.verdict),
            "Probability of ALL": flag.p_all,
            "Threshold": flag.threshold,
            "Note": flag.note,
            "Reviewers saw": ", ".join(said[flag.image_id]) or "nothing yet",
            "Flagged": flag.at.isoformat(sep=" ", timespec="minutes"),
        }
        for flag in flagged
    )


def _digest(image_id: str) -> str:
    return image_id.removeprefix(reviews.UPLOAD)


def _flags(found: ReviewQueue) -> tuple[Flag, ...]:
    return flags.list_of(accounts.store(), found.context.source.key)
