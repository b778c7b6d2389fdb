"""The images selected in Browse, and what is done with them: tags, review, comparison, export."""

from collections.abc import Sequence

import streamlit as st

from allcore import formats
from allcore.audit.index.queries import QueryTable
from allcore.errors import AllScopeError
from allcore.store import reviews, slices
from allcore.web import accounts, frame
from allcore.web.components.charts import show_csv_download
from allcore.web.dataset import browse_filters, held_out_answers
from allcore.web.dataset.context import DatasetContext
from allcore.web.dataset.held_out_answers import HeldOutAnswers

SELECTED = "selected"
"""Key in the address, and of the session for more than fit there."""
MAX_SELECTED, MIN_COMPARED, MAX_COMPARED = 1000, 2, 8
_TAG, _RESULT = "selection_tag", "selection_result"


def selected_images(shelf: QueryTable) -> list[str]:
    """Ids of the selected images that the data set has."""
    ids = st.session_state.get(SELECTED) or st.query_params.get_all(SELECTED)
    ids = list(dict.fromkeys(ids))[:MAX_SELECTED]
    return [image_id for image_id in ids if len(shelf.places([image_id]))]


def select_images(image_ids: Sequence[str]) -> None:
    """Select these images; a few stand in the address too."""
    st.session_state[SELECTED] = list(image_ids)
    if 0 < len(image_ids) <= browse_filters.MAX_IDS_IN_ADDRESS:
        st.query_params[SELECTED] = list(image_ids)
    else:
        st.query_params.pop(SELECTED, None)


def show_actions(context: DatasetContext, image_ids: Sequence[str]) -> None:
    """Draw the buttons that act on the selected images."""
    if result := st.session_state.pop(_RESULT, None):
        st.toast(result[0], icon=result[1])
    none = not image_ids
    compared = MIN_COMPARED <= len(image_ids) <= MAX_COMPARED
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        if context.user.may("keep"):
            with st.popover("Tag", icon=":material/sell:", disabled=none, key="selection_tags"):
                _show_tag_form(context, image_ids)
            st.button(
                "Queue for review", icon=":material/playlist_add:", disabled=none,
                help="Two people judge each image on Review without seeing label or model.",
                on_click=_queue, args=(context, image_ids),
            )  # fmt: skip
        st.button(
            "Compare", icon=":material/compare:", disabled=not compared, on_click=_compare,
            help=f"{MIN_COMPARED} to {MAX_COMPARED} images side by side.",
        )  # fmt: skip
        if image_ids:
            show_csv_download(
                lambda: browse_filters.export_table(
                    context.table, context.catalogue.shelf.places(image_ids)
                ),
                name=f"{context.manifest.name}-selected", label="Export CSV", key="selection_csv",
            )  # fmt: skip
        else:
            st.button("Export CSV", icon=":material/download:", disabled=True)
        st.button(
            "Clear", icon=":material/deselect:", disabled=none, on_click=select_images, args=((),)
        )


def tag_images(context: DatasetContext, image_ids: Sequence[str], *, name: str) -> None:
    """Tag images, and tell so."""
    try:
        answers = held_out_answers.load_answers(context.split)
        shared = [_shared_id(answers, image_id) for image_id in image_ids]
        tag = slices.tag(
            accounts.store_to("keep"), accounts.visitor().name, name=name, image_ids=shared
        )
    except AllScopeError as error:
        _tell(frame.plain(str(error)), icon=":material/error:")
        return
    _tell(
        f"{formats.count(len(image_ids), 'image')} tagged {frame.plain(tag.name)}.",
        icon=":material/sell:",
    )


def tagged_images(context: DatasetContext) -> dict[str, frozenset[str]]:
    """Ids of the data set's images by the tags of this account; none where they can't be read."""
    if not context.user.may("keep"):
        return {}
    try:
        tags = slices.list_of(accounts.store(), context.user.name, of=slices.TAGS)
    except AllScopeError as error:
        frame.problem(error)
        return {}
    if not tags:
        return {}
    answers = held_out_answers.load_answers(context.split)
    ids = context.table["image_id"].astype(str)
    own = {_shared_id(answers, image_id): image_id for image_id in ids}
    here = {tag.name: frozenset(own[name] for name in tag.image_ids if name in own) for tag in tags}
    return {name: ids for name, ids in here.items() if ids}


def _show_tag_form(context: DatasetContext, image_ids: Sequence[str]) -> None:
    try:
        tags = slices.list_of(accounts.store(), context.user.name, of=slices.TAGS)
    except AllScopeError as error:
        frame.problem(error)
        return
    st.selectbox(
        "Tag", [tag.name for tag in tags], index=None, key=_TAG, accept_new_options=True,
        placeholder="Choose or type a name", width=260,
    )  # fmt: skip
    st.button(
        f"Tag {formats.count(len(image_ids), 'image')}", type="primary", key="selection_tag_them",
        on_click=_tag_chosen, args=(context, image_ids),
    )  # fmt: skip
    st.caption("Tags are yours. Evaluation compares each with the rest, under Slices.")


def _tag_chosen(context: DatasetContext, image_ids: Sequence[str]) -> None:
    tag_images(context, image_ids, name=str(st.session_state.get(_TAG) or ""))


def _queue(context: DatasetContext, image_ids: Sequence[str]) -> None:
    """Put the selected cells into the review queue of the model whose answers are at hand."""
    answers = held_out_answers.load_answers(context.split)
    found = {} if answers is None else {name: answers.find(name) for name in image_ids}
    reasons = {answer.image_id: "chosen" for answer in found.values() if answer is not None}
    if answers is None or not reasons:
        _tell("No model has a held-out answer for these images.", icon=":material/info:")
        return
    try:
        added = reviews.queue_cells(
            accounts.store_to("keep"), accounts.visitor().name, of=answers.model.name,
            reasons=reasons,
        )  # fmt: skip
    except AllScopeError as error:
        _tell(frame.plain(str(error)), icon=":material/error:")
        return
    others = _others_text(len(image_ids) - len(reasons), len(reasons) - added)
    _tell(
        f"{formats.count(added, 'image')} queued for review under "
        f"{frame.plain(answers.model.name)}{others}.",
        icon=":material/playlist_add:",
    )


def _others_text(unanswered: int, queued: int) -> str:
    parts = {"without a held-out answer": unanswered, "in the queue already": queued}
    return "".join(f"; {number:,} {words}" for words, number in parts.items() if number)


def _tell(sentence: str, *, icon: str) -> None:
    """Show a sentence in the next run: a callback of a fragment may draw nothing."""
    st.session_state[_RESULT] = sentence, icon


def _compare() -> None:
    st.session_state[browse_filters.LAYOUT] = "compare"


def _shared_id(answers: HeldOutAnswers | None, image_id: str) -> str:
    """Id of an image in the model's predictions if they have it, by which other pages know it."""
    answer = None if answers is None else answers.find(image_id)
    return image_id if answer is None else answer.image_id
