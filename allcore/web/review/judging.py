"""One reviewer's work on a queue: its choice, the image, the answer and the way through it."""

from collections.abc import Sequence

import streamlit as st

from allcore import formats, model_folder, settings
from allcore.data import cells
from allcore.data.images import decoding
from allcore.errors import AllScopeError, BadImage
from allcore.inference import segmentation
from allcore.store import flags, pictures, reviews
from allcore.store.reviews import ReviewItem
from allcore.web import accounts, cell_images, frame, navigation
from allcore.web.accounts import Visitor
from allcore.web.cell_images import CellImages
from allcore.web.components import cell_pictures
from allcore.web.review import queue as cell_queue
from allcore.web.review.queue import ReviewerQueue

_MAX_SIDE = 1024  # pixels; of a larger image the middle is shown
_SHORTCUTS = {"all": "1", "hem": "2", "unsure": "3", "bad_picture": "4"}
_ICONS = {"unsure": ":material/help:", "bad_picture": ":material/broken_image:"}


def choose_queue() -> str:
    """The name of the queue, chosen where there are several.

    Ends the run with a sentence where no cell is queued.
    """
    queues = list(reviews.queues(accounts.store()))
    if not queues:
        frame.info(
            "No cell is queued for review yet. Anyone with an account can queue some on "
            "Evaluation: errors and suspicious labels in its view Review, single cells in the "
            "window that opens with a click among the Errors.",
            icon=":material/inbox:",
        )
        navigation.link("Evaluation")
        st.stop()
    if len(queues) == 1:
        return queues[0]
    default = settings.load().model
    index = queues.index(default) if default in queues else 0
    return str(st.selectbox("Cells of", queues, index=index, key="review_queue"))


def show_queue(user: Visitor, queue: str) -> None:
    """Draw the current cell of a queue with the answers to it, and the reviewer's progress.

    Raises:
        AllScopeError: the database can't be used.
    """
    items = reviews.items(accounts.store(), of=queue)
    judgements = reviews.judgements(accounts.store(), of=queue)
    reviewer = cell_queue.reviewer_queue(items, judgements, user.name)
    _show_blinding(queue, items)
    include_decided = bool(reviewer.decided) and st.toggle(
        "Also cells that two others have judged", key="review_more",
        help="The first two judgements decide; yours is kept and shown beside them.",
    )  # fmt: skip
    installed = queue in model_folder.names()
    images = cell_images.at_hand(model_folder.resolve(queue).info if installed else None)
    if images.problem:
        frame.warning(frame.plain(images.problem))
    digests = pictures.flagged_digests(accounts.store(), queue)
    stored = {
        item.image_id for item in items
        if item.uploaded and reviews.upload_digest(item.image_id) in digests
    }  # fmt: skip
    showable = [
        item.image_id for item in items
        if item.image_id in (stored if item.uploaded else images)
    ]  # fmt: skip
    unstored = sum(item.uploaded and item.image_id not in stored for item in items)
    known = set(showable)
    candidates = (*reviewer.waiting, *(reviewer.decided if include_decided else ()))
    offered = [image_id for image_id in candidates if image_id in known]
    current = cell_queue.current_cell(queue, offered, showable)
    _show_progress(reviewer, missing=len(items) - len(showable) - unstored, unstored=unstored)
    if current is None:
        _show_end(reviewer, images)
        _show_steps(queue, reviewer, None, showable)
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        _show_image(queue, images, current)
    with right:
        _show_answers(user, queue, reviewer, current)
        _show_steps(queue, reviewer, current, showable)


def _show_blinding(queue: str, items: Sequence[ReviewItem]) -> None:
    sentence = (
        f"Cells of **{frame.plain(queue)}**. You see the picture alone: no label, subject, file "
        "name or model's answer."
    )
    if any(item.reason == "control" for item in items):
        sentence += " The queue also holds cells that the model got right."
    frame.markdown(sentence)


def _show_image(queue: str, images: CellImages, image_id: str) -> None:
    """The image; neither the id nor the file's name goes to the browser."""
    if image_id.startswith(reviews.UPLOAD):
        # Uploads are looked up among the stored ones alone, whatever a data set calls its files.
        digest = reviews.upload_digest(image_id)
        data = pictures.read_flagged(accounts.store(), queue, digest)
        if data is None:
            st.error("The picture was not kept: skip the cell.", icon=":material/error:")
            return
        cut = flags.cut_of(accounts.store(), queue, image_id)
        try:
            rgb = segmentation.decoded_cell(data, cut).rgb
        except BadImage:
            st.error("The cell can't be cut out again: skip it.", icon=":material/error:")
            return
    else:
        try:
            file = images.file(image_id)
            rgb = decoding.decode(b"" if file is None else file.read_bytes())
        except (AllScopeError, OSError):
            st.error("This picture can't be read: skip the cell.", icon=":material/error:")
            return
    picture = cells.centre_crop(rgb, _MAX_SIDE)
    cell_pictures.zoomable(picture, alt="Picture of the cell to judge")
    if images.is_synthetic(image_id):
        st.caption("SYNTHETIC: drawn by ALLScope")


def _show_answers(user: Visitor, queue: str, reviewer: ReviewerQueue, image_id: str) -> None:
    earlier = reviewer.judgements.get(image_id)
    if earlier:
        st.markdown(f"You said: **{reviews.JUDGEMENTS[earlier.seen]}**. Answer again to change it.")
    st.markdown("**What do you see?**")
    answer = None
    for seen, text in reviews.JUDGEMENTS.items():
        pressed = st.button(
            text[0].upper() + text[1:], key=f"see_{_SHORTCUTS[seen]}", shortcut=_SHORTCUTS[seen],
            width=300, icon=_ICONS.get(seen),
        )  # fmt: skip
        answer = seen if pressed else answer
    note = st.text_area(
        "Note (optional)", earlier.note if earlier else "", max_chars=reviews.MAX_NOTE,
        key=f"review_note_{cell_queue.turn_number()}", height=80, width=frame.FORM_WIDTH,
    )  # fmt: skip
    if answer:
        reviews.judge(
            accounts.store_to("review"), user.name, of=queue, image_id=image_id, seen=answer,
            note=note or "",
        )  # fmt: skip
        cell_queue.show_cell(queue, None)
        st.rerun()


def _show_steps(
    queue: str, reviewer: ReviewerQueue, image_id: str | None, showable: Sequence[str]
) -> None:
    previous = cell_queue.previous_cell(reviewer, image_id, showable)
    with st.container(horizontal=True):
        if st.button(
            "Back to the last", shortcut="B", icon=":material/undo:", disabled=not previous
        ):
            cell_queue.show_cell(queue, previous)
            st.rerun()
        if image_id and st.button("Skip", shortcut="S", icon=":material/skip_next:"):
            cell_queue.skip_cell(queue, image_id)
            st.rerun()


def _show_progress(reviewer: ReviewerQueue, *, missing: int, unstored: int) -> None:
    done = len(reviewer.judgements)
    total = done + len(reviewer.waiting)
    if total:
        st.progress(done / total, text=f"{done:,} of {total:,} judged by you")
    for number, noun, sentence in (
        (reviewer.chosen_by_hand, "cell", "{} that you chose by hand: left to others."),
        (reviewer.own_uploads, "picture", "{} that you asked about: left to others."),
        (missing, "cell", "Without a picture on this machine: {}."),
        (unstored, "flagged answer", "The picture was not kept: {}, which nobody can judge."),
    ):
        if number:
            st.caption(sentence.format(formats.count(number, noun)))


def _show_end(reviewer: ReviewerQueue, images: CellImages) -> None:
    """Why no cell is shown: all are judged, or none that waits has an image here."""
    reason, icon = "You have judged every cell that waits for you here.", ":material/task_alt:"
    if not all(image_id.startswith(reviews.UPLOAD) for image_id in reviewer.waiting):
        reason, icon = images.why_missing, ":material/image_not_supported:"
    frame.info(reason, icon=icon)
    navigation.link("Evaluation", "See what came of it on Evaluation, in its view Review")
