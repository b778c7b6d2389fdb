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


def show_flagged_answers(queue: ReviewQueue) -> None:
    """Draw the list where there is any flagged answer; people's notes are for people here."""
    if not queue.flagged or not queue.visitor.signed_in:
        return
    st.subheader("Answers called wrong", anchor=False)
    stored = pictures.flagged_digests(accounts.store(), queue.context.source.key)
    ids = {item.image_id for item in queue.flagged}
    hidden = {image_id for image_id in ids & queue.open_to_me if _digest(image_id) in stored}
    st.markdown(
        f"People flagged the answer to **{formats.count(len(queue.flagged), 'picture')}** that "
        "they "
        "uploaded. These have no label, so they enter no verdict and no figure."
        + (f" {formats.count(len(hidden), 'picture')} that you may still judge: not shown to you."
           if hidden else ""),
        width=frame.TEXT_WIDTH,
    )  # fmt: skip
    rows = flagged_table(
        queue, [flag for flag in _flags(queue) if flag.image_id in ids - hidden], stored
    )
    if len(rows):
        st.dataframe(
            rows, hide_index=True, key="review_flagged",
            alt="Flagged answers: what the model said, the note, and what reviewers saw",
        )  # fmt: skip
        show_csv_download(rows, name=f"{queue.context.source.name}-flagged", label="Flagged as CSV")


def flagged_table(queue: ReviewQueue, flagged: list[Flag], stored: Set[str]) -> pd.DataFrame:
    """A row a flagged answer; without the file's name and without who asked.

    Args:
        queue: the queue.
        flagged: the answers to list.
        stored: digests of the pictures that reviewers can see.
    """
    judgements_of = defaultdict[str, list[str]](list)
    for judgement in queue.judgements:
        judgements_of[judgement.image_id].append(reviews.JUDGEMENTS[judgement.seen])
    return pd.DataFrame(
        {
            "Picture (SHA-256)": _digest(flag.image_id)[:_DIGITS],
            "Picture": "kept" if _digest(flag.image_id) in stored else "not kept",
            "The model said": CLASS_NAMES.get(flag.verdict, flag.verdict),
            "Probability of ALL": flag.p_all,
            "Threshold": flag.threshold,
            "Note": flag.note,
            "Reviewers saw": ", ".join(judgements_of[flag.image_id]) or "nothing yet",
            "Flagged": flag.at.isoformat(sep=" ", timespec="minutes"),
        }
        for flag in flagged
    )


def _digest(image_id: str) -> str:
    return image_id.removeprefix(reviews.UPLOAD)


def _flags(queue: ReviewQueue) -> tuple[Flag, ...]:
    return flags.list_of(accounts.store(), queue.context.source.key)
