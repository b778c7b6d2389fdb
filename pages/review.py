from allcore.web import guard

user = guard.require("review")

import streamlit as st

from allcore.errors import AllScopeError
from allcore.web import frame
from allcore.web.review import judging

METHOD = """
Two people judge each cell from its picture alone. The first two judgements decide: where both see
the other class than the label, the label counts as wrong; where both see the label's class and the
model calls the other, the model is wrong; two bad pictures, or one and a doubt, make a bad picture;
everything else is ambiguous. The data set is never changed: judgements are kept beside it, and
Evaluation shows the figures with both labels. Cells come in an order of your own that hangs on
nothing but your name, so a cell's place says nothing about it. A cell that you put into the queue
from its own window is left to others, because its label was in your sight. Please look none of the
cells up on other pages before you have judged them.
"""

<<<<<<< HEAD
=======

def choose_queue() -> str:
    queues = reviews.queues(accounts.store())
    if not queues:
        st.info(
            "No cell is queued for review yet. Anyone with an account can queue some on "
            "Evaluation: errors and suspicious labels in its view Review, single cells in the "
            "window that opens with a click among the Errors.",
            icon=":material/inbox:",
            width=frame.TEXT_WIDTH,
        )
        navigation.link("Evaluation")
        st.stop()
    names, own = list(queues), settings.load().model
    if len(names) == 1:
        return names[0]
    index = names.index(own) if own in names else 0
    return str(st.sidebar.selectbox("Cells of", names, index=index, key="review_queue"))


def picture(images: CellImages, image_id: str) -> None:
    """The cell on its black; nothing that names it goes to the browser, nor what it is called."""
    if image_id.startswith(reviews.UPLOAD):
        uploaded(image_id)
        return
    file = images.file(image_id)
    try:
        data = b"" if file is None else file.read_bytes()
        rgb = cells.centre_crop(upload.decode(data), FIELD)
    except (AllScopeError, OSError):
        st.error("This picture can't be read: skip the cell.", icon=":material/error:")
        return
    cell_pictures.zoomable(rgb, alt="Picture of the cell to judge")
    if images.is_synthetic(image_id):
        st.caption("SYNTHETIC: drawn by ALLScope")


def uploaded(image_id: str) -> None:
    """The picture of a flagged answer; a picture of this name is nowhere but among those kept."""
    digest = image_id.removeprefix(reviews.UPLOAD)
    data = kept_pictures.read_flagged(accounts.store(), of, digest)
    if data is None:
        st.error("The picture was not kept: skip the cell.", icon=":material/error:")
        return
    rgb = cells.centre_crop(upload.decode(data), FIELD)
    cell_pictures.zoomable(rgb, alt="Picture of the cell to judge")


def answer(found: Desk, image_id: str) -> None:
    said = found.own.get(image_id)
    if said:
        st.markdown(f"You said: **{reviews.JUDGEMENTS[said.seen]}**. Answer again to change it.")
    st.markdown("**What do you see?**")
    note_at = f"review_note_{queue.turn()}"
    chosen = None
    for seen, text in reviews.JUDGEMENTS.items():
        pressed = st.button(
            text[0].upper() + text[1:], key=f"see_{KEYS[seen]}", shortcut=KEYS[seen], width=300,
            icon=ICONS.get(seen),
        )  # fmt: skip
        chosen = seen if pressed else chosen
    note = st.text_area(
        "Note (optional)", said.note if said else "", max_chars=reviews.MAX_NOTE, key=note_at,
        height=80, width=frame.FORM_WIDTH,
    )  # fmt: skip
    if chosen:
        reviews.judge(
            accounts.store_to("review"), user.name, of=of, image_id=image_id, seen=chosen,
            note=note or "",
        )  # fmt: skip
        queue.take(of, None)
        st.rerun()


def steps(found: Desk, image_id: str | None, here: list[str]) -> None:
    last = queue.before(found, image_id, here)
    with st.container(horizontal=True):
        if st.button("Back to the last", shortcut="B", icon=":material/undo:", disabled=not last):
            queue.take(of, last)
            st.rerun()
        if image_id and st.button("Skip", shortcut="S", icon=":material/skip_next:"):
            queue.skip(of, image_id)
            st.rerun()


def progress(found: Desk, missing: int, unkept: int) -> None:
    if found.total:
        done = len(found.own)
        st.progress(done / found.total, text=f"{done:,} of {found.total:,} judged by you")
    if found.chosen:
        st.caption(f"{formats.count(found.chosen, 'cell')} that you chose by hand: left to others.")
    if found.asked:
        st.caption(f"{formats.count(found.asked, 'picture')} that you asked about: left to others.")
    if missing:
        st.caption(f"Without a picture on this machine: {formats.count(missing, 'cell')}.")
    if unkept:
        flagged = formats.count(unkept, "flagged answer")
        st.caption(f"The picture was not kept: {flagged}, which nobody can judge.")


def nothing_left(found: Desk, images: CellImages) -> None:
    waiting = [each for each in found.waiting if not each.startswith(reviews.UPLOAD)]
    if waiting:  # none of which has a picture here
        said, icon = images.why_missing, ":material/image_not_supported:"
    else:
        said, icon = "You have judged every cell that waits for you here.", ":material/task_alt:"
    st.info(said, icon=icon, width=frame.TEXT_WIDTH)
    navigation.link("Evaluation", "See what came of it on Evaluation, in its view Review")


>>>>>>> 5f31571 (Names of the store are the field's own: audit entries, history entries, attempts)
frame.header(
    title="Review",
    question="What do you see in each cell, when nobody tells you what it is called?",
)
try:
<<<<<<< HEAD
    judging.show_queue(user, judging.choose_queue())
=======
    of = choose_queue()
    items = reviews.items(accounts.store(), of=of)
    desk = queue.desk(items, reviews.judgements(accounts.store(), of=of), user.name)
    right = any(item.reason == "control" for item in items)
    st.markdown(
        f"Cells of **{frame.plain(of)}**. You see the picture alone: no label, subject, file name "
        "or model's answer."
        + (" The queue also holds cells that the model got right." if right else ""),
        width=frame.TEXT_WIDTH,
    )
    more = bool(desk.settled) and st.sidebar.toggle(
        "Also cells that two others have judged", key="review_more",
        help="The first two judgements decide; yours is kept and shown beside them.",
    )  # fmt: skip
    installed = of in model_folder.names()
    info = model_folder.read_info(model_folder.folder(of)) if installed else None
    images = cell_images.at_hand(info)
    if images.problem:
        st.warning(frame.plain(images.problem), width=frame.TEXT_WIDTH)
    kept = {
        f"{reviews.UPLOAD}{each}" for each in kept_pictures.flagged_digests(accounts.store(), of)
    }
    here = [item.image_id for item in items if item.image_id in (kept if item.uploaded else images)]
    unkept = sum(item.uploaded and item.image_id not in kept for item in items)
    known = set(here)
    offered = [each for each in (*desk.waiting, *(desk.settled if more else ())) if each in known]
    current = queue.current(of, offered, here)
    progress(desk, len(items) - len(here) - unkept, unkept)
    if current is None:
        nothing_left(desk, images)
        steps(desk, None, here)
    else:
        left, aside = st.columns([3, 2], gap="large")
        with left:
            picture(images, current)
        with aside:
            answer(desk, current)
            steps(desk, current, here)
>>>>>>> 5f31571 (Names of the store are the field's own: audit entries, history entries, attempts)
except AllScopeError as error:
    frame.problem(error)
with st.expander("Method"):
    st.markdown(METHOD, width=frame.TEXT_WIDTH)
