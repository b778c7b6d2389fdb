"""Blind review: its queue, verdicts, agreement, and metrics with reviewed labels."""

from collections import defaultdict
from collections.abc import Set

import numpy as np
import pandas as pd
import streamlit as st

from allcore import formats
from allcore.evaluation import estimates, metrics, model_evaluation
from allcore.evaluation.estimates import Estimate, Sample
from allcore.labels import CLASS_NAMES
from allcore.review import agreement
from allcore.review.agreement import ReviewAgreement
from allcore.store import flags, pictures, reviews
from allcore.web import accounts, frame, navigation
from allcore.web.components.charts import show_csv_download
from allcore.web.evaluation import cell_lists, overview_view, review_queue
from allcore.web.evaluation.context import Context
from allcore.web.evaluation.review_queue import ReviewQueue

_DIGITS = 12
_DECIDED = [name for name in agreement.VERDICTS if name != "open"]
METHOD = """
Two people judge each cell's picture on the page Review without seeing label, subject or model. The
first two judgements decide. **Label wrong**: both saw the other class than the label. **Model
wrong**: both saw the class of the label, and the model predicts the other at the threshold above.
**Bad picture**: both said so, or one did and the other couldn't tell. **Ambiguous**: every other
pair. A reviewed label is the class that both saw, else the label as it came; bad pictures are left
out. Agreement is Cohen's kappa (1960) over the four answers, with reviewer against reviewer where
there are two. The data set is never changed.
"""


def show_review(context: Context) -> None:
    """Draw the view."""
    if context.source.synthetic:
        st.info("Blind review is of real cells: choose Test above.", icon=":material/inbox:")
        return
    queue = review_queue.read_queue(context)
    _show_queue_state(queue)
    review_queue.show_queue_controls(queue)
    if len(queue.verdicts.decided):
        _show_verdicts(queue)
        _show_agreement(queue)
        _show_reviewed_estimates(queue)
        _show_cells(queue)
    _show_flagged_answers(queue)
    _show_exports(queue)
    with st.expander("How cells are judged"):
        frame.markdown(METHOD)


def _show_queue_state(queue: ReviewQueue) -> None:
    if not queue.items:
        text = "No cell of these predictions is queued yet"
        if queue.visitor.may("keep"):
            text += (
                ": put errors or suspicious labels into the queue here, or single cells in the "
                "window that opens with a click"
            )
        frame.info(f"{text}.", icon=":material/inbox:")
        return
    judged = queue.verdicts.table["judged"].to_numpy()
    text = (
        f"**{formats.count(len(judged), 'cell')}** of this split in the queue: "
        f"{int((judged == 0).sum()):,} judged by nobody yet, {int((judged == 1).sum()):,} by one, "
        f"{int((judged >= 2).sum()):,} by two or more."
    )
    if elsewhere := len(queue.items) - len(judged) - len(queue.flagged):
        text += f" {formats.count(elsewhere, 'more cell')} of other splits."
    if queue.flagged:
        text += f" {formats.count(len(queue.flagged), 'flagged answer')} below."
    frame.markdown(text)
    if queue.visitor.opens("review"):
        navigation.link("Review", "Judge cells by their picture alone")


def _show_verdicts(queue: ReviewQueue) -> None:
    decided = queue.verdicts.decided
    counts = queue.verdicts.counts
    st.subheader("Verdicts", anchor=False)
    frame.markdown(
        f"Of **{formats.count(len(decided), 'cell')}** judged by two, the label is wrong in "
        f"**{counts['label_wrong']:,}** and the model in **{counts['model_wrong']:,}**; "
        f"ambiguous {counts['ambiguous']:,}, bad pictures {counts['bad_picture']:,}."
    )
    by_reason = pd.crosstab(decided["verdict"], decided["reason"])
    reasons = {
        name: f"Queued as {title}" for name, title in reviews.REASONS.items() if name in by_reason
    }
    table = by_reason.reindex(index=_DECIDED, columns=list(reasons), fill_value=0).rename(
        columns=reasons
    )
    table.insert(0, "Cells", table.sum(axis=1))
    table.insert(0, "Verdict", [agreement.VERDICTS[name] for name in _DECIDED])
    st.dataframe(
        table, hide_index=True, key="review_verdicts",
        alt="Cells by verdict and by why they were queued",
    )  # fmt: skip


def _show_agreement(queue: ReviewQueue) -> None:
    result = _agreement_of(queue, queue.key)
    kappa, share = result.kappa, result.agreed
    st.subheader("Agreement", anchor=False)
    frame.markdown(
        f"The two judgements are alike on {formats.share(share.over_cells, result.cells)} over "
        f"cells; over subjects {formats.bounds(share.over_subjects)}. Cohen's kappa "
        f"**{formats.number(kappa.value)}** ({formats.both_bounds(kappa)})."
    )
    names = [name[0].upper() + name[1:] for name in reviews.JUDGEMENTS.values()]
    table = pd.DataFrame(result.counts, columns=names)
    table.insert(0, "One reviewer, and across the other", names)
    st.dataframe(
        table, hide_index=True, key="review_pairs", alt="Judgement against judgement, in cells"
    )


def _show_reviewed_estimates(queue: ReviewQueue) -> None:
    context = queue.context
    sample, threshold_free = _reviewed_sample(queue, queue.key)
    reviewed = {
        estimate.name: estimate
        for estimate in (*estimates.at_threshold(sample, context.threshold), *threshold_free)
    }
    rows = [
        (labels, estimate)
        for name in overview_view.HEADLINE
        for labels, estimate in (
            ("original", context.estimate(name)), ("reviewed", reviewed[name]),
        )
    ]  # fmt: skip
    st.subheader("Figures with original and with reviewed labels", anchor=False)
    changed, bad = (queue.verdicts.counts[name] for name in ("label_wrong", "bad_picture"))
    frame.markdown(
        f"Original: {formats.count(len(context.table), 'cell')}. Reviewed: "
        f"{formats.count(len(sample.labels), 'cell')}, {changed:,} of them with another label; "
        f"{formats.count(bad, 'bad picture')} left out."
    )
    table = pd.DataFrame(
        {
            "Figure": metrics.TITLES[estimate.name],
            "Labels": labels,
            "Value": formats.number(estimate.value),
            "Over subjects": formats.bounds(estimate.over_subjects),
            "Over cells": formats.bounds(estimate.over_cells),
        }
        for labels, estimate in rows
    )
    st.dataframe(
        table, hide_index=True, key="review_figures", height="content",
        alt="Figures with both labels",
    )  # fmt: skip
    export = pd.DataFrame(
        {
            "figure": estimate.name,
            "labels": labels,
            "value": estimate.value,
            "subjects_low": estimate.over_subjects.low,
            "subjects_high": estimate.over_subjects.high,
            "cells_low": estimate.over_cells.low,
            "cells_high": estimate.over_cells.high,
        }
        for labels, estimate in rows
    )
    name = f"{context.source.name}-reviewed-figures"
    show_csv_download(export, name=name, label="Figures as CSV")
    _show_caution(queue)


def _show_caution(queue: ReviewQueue) -> None:
    decided, cells_here = queue.verdicts.decided, len(queue.context.table)
    controls = decided[decided["reason"] == "control"]
    other = int((controls["verdict"] == "label_wrong").sum())
    checked = (
        f"Of {formats.count(len(controls), 'control')} judged by two, {other:,} got another label."
        if len(controls)
        else "No control has been judged by two, so nothing is known of the others' labels."
    )
    frame.caption(
        f"95 % intervals. {len(decided):,} of {formats.count(cells_here, 'cell')} are reviewed, "
        "most of them where the model errs, so reviewed labels flatter the model: a wrong label "
        f"that the model agrees with is hardly looked at. {checked}"
    )


def _show_cells(queue: ReviewQueue) -> None:
    st.subheader("Cells by verdict", anchor=False)
    if hidden := len(queue.verdicts.decided) - len(queue.visible):
        frame.info(
            f"Judge yours first: the verdicts of {formats.count(hidden, 'cell')} that you have not "
            "judged are not shown to you. On Review, switch on the cells that two others have "
            "judged.",
            icon=":material/visibility_off:",
        )
    if queue.visible.empty:
        return
    verdict = st.segmented_control(
        "Verdict", _DECIDED, default=_DECIDED[0], required=True, key="review_verdict", wrap=True,
        format_func=agreement.VERDICTS.__getitem__,
    )  # fmt: skip
    places = queue.visible.loc[queue.visible["verdict"] == verdict, "place"]
    cell_lists.show_cells(queue.context, places.to_numpy(dtype=np.intp), key="review_cells")


def _show_exports(queue: ReviewQueue) -> None:
    name = queue.context.source.name
    with st.container(horizontal=True):
        if not queue.visible.empty:
            rows = queue.visible.drop(columns=["place", "first", "second"])
            subjects = queue.context.table["subject"].to_numpy(dtype=object)
            rows.insert(1, "subject", subjects[queue.visible["place"].to_numpy(dtype=np.intp)])
            rows = rows.rename(columns={"reviewed": "reviewed_label"})
            table = rows.assign(threshold=queue.context.threshold)
            show_csv_download(table, name=f"{name}-verdicts", label="Verdicts as CSV")
        if queue.judgements and queue.visitor.may("administer"):
            table = _judgement_table(queue)
            show_csv_download(table, name=f"{name}-judgements", label="All judgements as CSV")
            st.caption("For administrators: with the reviewers' names, also of cells not yours.")


def _judgement_table(queue: ReviewQueue) -> pd.DataFrame:
    queued = {item.image_id: item for item in queue.items}
    verdict = queue.verdicts.table.set_index("image_id")["verdict"].to_dict()
    return pd.DataFrame(
        {
            "of": judgement.of,
            "image_id": judgement.image_id,
            "reason": queued[judgement.image_id].reason,
            "queued_by": queued[judgement.image_id].added_by,
            "reviewer": judgement.username,
            "seen": judgement.seen,
            "note": judgement.note,
            "given_at": judgement.given_at.isoformat(timespec="seconds"),
            "changed_at": judgement.changed_at
            and judgement.changed_at.isoformat(timespec="seconds"),
            "verdict": verdict.get(judgement.image_id, ""),  # empty for cells of another split
        }
        for judgement in queue.judgements
        if judgement.image_id in queued
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def _agreement_of(_queue: ReviewQueue, key: str) -> ReviewAgreement:
    decided, context = _queue.verdicts.decided, _queue.context
    places = decided["place"].to_numpy(dtype=np.intp)
    units = model_evaluation.subject_groups(context.table)
    return agreement.review_agreement(
        decided["first"].to_numpy(dtype=str),
        decided["second"].to_numpy(dtype=str),
        labels=context.sample.labels[places],
        subjects=None if units is None else units[places],
    )


@st.cache_resource(max_entries=8, show_spinner="Computing figures with reviewed labels")
def _reviewed_sample(_queue: ReviewQueue, key: str) -> tuple[Sample, tuple[Estimate, ...]]:
    sample = model_evaluation.sample_of_predictions(
        agreement.with_reviewed_labels(_queue.context.table, _queue.verdicts)
    )
    return sample, estimates.threshold_free(sample)


def _show_flagged_answers(queue: ReviewQueue) -> None:
    """Draw the flagged answers; people's notes are for people with an account."""
    if not queue.flagged or not queue.visitor.signed_in:
        return
    st.subheader("Answers flagged as wrong", anchor=False)
    stored = pictures.flagged_digests(accounts.store(), queue.context.source.key)
    ids = {item.image_id for item in queue.flagged}
    hidden = {
        image_id for image_id in ids & queue.open_to_me if reviews.upload_digest(image_id) in stored
    }
    text = (
        f"People flagged the answer to **{formats.count(len(queue.flagged), 'picture')}** that "
        "they uploaded. These have no label, so they enter no verdict and no figure."
    )
    if hidden:
        text += f" {formats.count(len(hidden), 'picture')} that you may still judge: not shown to "
        text += "you."
    frame.markdown(text)
    rows = _flagged_table(queue, ids - hidden, stored)
    if len(rows):
        st.dataframe(
            rows, hide_index=True, key="review_flagged",
            alt="Flagged answers: what the model said, the note, and what reviewers saw",
        )  # fmt: skip
        show_csv_download(rows, name=f"{queue.context.source.name}-flagged", label="Flagged as CSV")


def _flagged_table(queue: ReviewQueue, ids: Set[str], stored: Set[str]) -> pd.DataFrame:
    """A row a flagged answer of these ids, without the file's name and without who asked.

    `stored` are the digests of the pictures that reviewers can see.
    """
    judgements_of = defaultdict[str, list[str]](list)
    for judgement in queue.judgements:
        judgements_of[judgement.image_id].append(reviews.JUDGEMENTS[judgement.seen])
    return pd.DataFrame(
        {
            "Picture (SHA-256)": reviews.upload_digest(flag.image_id)[:_DIGITS],
            "Cell": flag.image_id.partition(reviews.CELL)[2],
            "Picture": "kept" if reviews.upload_digest(flag.image_id) in stored else "not kept",
            "The model said": CLASS_NAMES.get(flag.verdict, flag.verdict),
            "Probability of ALL": flag.p_all,
            "Threshold": flag.threshold,
            "Note": flag.note,
            "Reviewers saw": ", ".join(judgements_of[flag.image_id]) or "nothing yet",
            "Flagged": flag.at.isoformat(sep=" ", timespec="minutes"),
        }
        for flag in flags.list_of(accounts.store(), queue.context.source.key)
        if flag.image_id in ids
    )
