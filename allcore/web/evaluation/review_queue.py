"""The queue of blind review of a source, and the controls that put cells into it."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from allcore import formats
from allcore.evaluation import outcomes
from allcore.review import agreement
from allcore.review.agreement import ReviewVerdicts
from allcore.store import reviews
from allcore.store.reviews import Judgement, ReviewItem
from allcore.web import accounts
from allcore.web.accounts import Visitor
from allcore.web.evaluation.context import Context

KINDS = {"confident_errors": "Errors at this threshold", "suspicious": "Suspicious labels"}
_REASONS = {"confident_errors": "error", "suspicious": "suspicious"}


@dataclass(frozen=True)
class ReviewQueue:
    """The queue of a source, as one account may see it on the cells of one split."""

    context: Context
    visitor: Visitor
    items: tuple[ReviewItem, ...]
    judgements: tuple[Judgement, ...]

    @cached_property
    def verdicts(self) -> ReviewVerdicts:
        """Verdicts of the queued cells of this split, with `place` in the table and `reason`."""
        ids = self.context.table["image_id"].astype(str).tolist()
        place = {image_id: at for at, image_id in enumerate(ids)}
        here = [item for item in self.items if item.image_id in place]
        at = np.array([place[item.image_id] for item in here], dtype=np.intp)
        called = self.context.sample.probabilities[at] >= self.context.threshold
        queued = pd.DataFrame(
            {
                "image_id": [item.image_id for item in here],
                "label": self.context.table["label"].to_numpy(dtype=object)[at],
                "called": np.where(called, "all", "hem").astype(object),
                "reason": [item.reason for item in here],
                "place": at,
            }
        )
        judgements = pd.DataFrame(self._judgements, columns=["image_id", "account", "seen"])
        return agreement.decide_verdicts(queued, judgements)

    @cached_property
    def flagged(self) -> tuple[ReviewItem, ...]:
        """Uploaded pictures flagged for a wrong answer; without a label or a verdict."""
        return tuple(item for item in self.items if item.uploaded)

    @cached_property
    def open_to_me(self) -> set[str]:
        """Ids that this account may judge and has not judged; their verdicts stay hidden."""
        who = self.visitor.name
        if not self.visitor.may("review"):
            return set()
        mine = {judgement.image_id for judgement in self.judgements if judgement.username == who}
        free = {item.image_id for item in self.items if item.open_to(who)}
        return free - mine

    @cached_property
    def visible(self) -> pd.DataFrame:
        """The decided cells whose verdicts this account may see."""
        decided = self.verdicts.decided
        return decided[~decided["image_id"].isin(self.open_to_me)]

    @property
    def key(self) -> str:
        """Key of a cache of what depends on cells and judgements, but not on the threshold."""
        return hashlib.sha256(f"{self.context.key} {self._judgements}".encode()).hexdigest()

    @property
    def _judgements(self) -> list[tuple[str, int, str]]:
        return [(one.image_id, one.account_id, one.seen) for one in self.judgements]


def read_queue(context: Context) -> ReviewQueue:
    """Read the queue of the context's source.

    Raises:
        StoreError: the database can't be opened.
    """
    store, of = accounts.store(), context.source.key
    items, judgements = reviews.items(store, of=of), reviews.judgements(store, of=of)
    return ReviewQueue(context, accounts.visitor(), items, judgements)


def show_queue_controls(queue: ReviewQueue) -> None:
    """Draw the controls that put cells into the queue, and take them back."""
    if not queue.visitor.may("keep"):
        return
    with st.expander("Put cells into the queue", expanded=not queue.items):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            kind = st.segmented_control(
                "Which", list(KINDS), default="confident_errors", required=True,
                format_func=lambda kind: KINDS[kind], key="review_kind",
            )  # fmt: skip
            most = st.number_input("At most", 1, 1000, 40, key="review_most", width=120)
        controls = st.toggle(
            "Mix in as many cells that the model got right", value=True, key="review_controls",
            help="Drawn at random. Without them a reviewer knows that the model erred on every "
            "cell, and nothing is learned of labels that the model agrees with.",
        )  # fmt: skip
        cells, right = _choose_cells(queue, str(kind), int(most), controls)
        text = "There is none, or all are in the queue already."
        if len(cells):
            more = f" and {formats.count(len(right), 'control')}" if controls else ""
            text = f"This adds {formats.count(len(cells), 'cell')}{more} to the queue."
        st.caption(text)
        if st.button(
            "Put them into the queue", icon=":material/playlist_add:", disabled=not len(cells)
        ):
            ids = queue.context.table["image_id"].astype(str).to_numpy(dtype=object)
            reasons = dict.fromkeys(ids[cells], _REASONS[str(kind)])
            reasons |= dict.fromkeys(ids[right], "control")
            store, who = accounts.store_to("keep"), queue.visitor.name
            reviews.queue_cells(store, who, of=queue.context.source.key, reasons=reasons)
            st.rerun()
        _show_withdraw_button(queue)


def _choose_cells(
    queue: ReviewQueue, kind: str, most: int, controls: bool
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of the cells to queue, and of the controls to mix in."""
    sample, label_errors = queue.context.sample, queue.context.evaluated.label_errors
    if kind == "suspicious" and label_errors is None:
        none = np.empty(0, dtype=np.intp)
        return none, none
    ranked = outcomes.rank_cells(
        kind,
        labels=sample.labels,
        probabilities=sample.probabilities,
        threshold=queue.context.threshold,
        label_errors=label_errors,
    )
    queued = np.zeros(len(sample.labels), dtype=bool)
    queued[queue.verdicts.table["place"].to_numpy(dtype=np.intp)] = True
    right = ~queue.context.wrong
    if label_errors is not None:
        right &= ~label_errors.flagged
    digest = hashlib.sha256(f"{queue.context.source.key} {len(queue.items)}".encode()).hexdigest()
    return agreement.cells_to_queue(
        ranked, right=right, queued=queued, count=most, controls=controls,
        seed=int(digest, 16) % 2**32,
    )  # fmt: skip


def _show_withdraw_button(queue: ReviewQueue) -> None:
    judged = {judgement.image_id for judgement in queue.judgements}
    mine = [
        item
        for item in queue.items
        if item.added_by == queue.visitor.name and item.image_id not in judged and not item.uploaded
    ]
    if mine and st.button(
        f"Take back {formats.count(len(mine), 'cell')} that you queued and nobody has judged",
        icon=":material/playlist_remove:",
        key="review_take_back",
    ):
        who, of = queue.visitor.name, queue.context.source.key
        reviews.withdraw(accounts.store_to("keep"), who, of=of)
        st.rerun()
