"""One answer with its facts, flag, deletion, and its repetition with today's model."""

import contextlib
import hashlib
from dataclasses import replace

import pandas as pd
import streamlit as st

from allcore import model_folder, settings, site_profile
from allcore.data.cells import Rgb
from allcore.errors import AllScopeError, BadImage
from allcore.explain import answer_summary
from allcore.explain.answer_summary import AnswerSummary
from allcore.explain.parts import KnownCell
from allcore.inference import segmentation, smear
from allcore.inference.predictor import Predictor
from allcore.inference.results import Refusal
from allcore.labels import VERDICT_TITLES
from allcore.model_folder import InstalledModel
from allcore.store import flags, history, reviews
from allcore.store.history import HistoryAnswer, HistoryEntry
from allcore.web import accounts, cell_images, frame, resources
from allcore.web.components import explanation_view, verdict_block
from allcore.web.history import answer_pictures, filters

_DIGITS = 12  # of a digest that pages show
_SECOND = "history_second"
_OTHER_FILE = (
    "This is another file than the one that was asked about, for its SHA-256 differs; drop the "
    "same file."
)
_MISSING = "The answer of this address is not there any more, or is not yours."
_SHARED = (
    "The picture, where it is kept, and your note are shown to reviewers from then on; the file's "
    "name and yours are not."
)


def show_entry(username: str, entry: HistoryEntry | None, batches: dict[int, str]) -> None:
    """Draw the card of an answer; None is one that the address names and the account lacks."""
    if entry is None:
        frame.warning(_MISSING, icon=":material/search_off:")
        return
    data = answer_pictures.read(username, entry.answer.image_sha256)
    with st.container(border=True):
        rgb, caption = _decoded(data, entry.answer)
        block = verdict_block.show_block(
            _summary(entry.answer),
            name=entry.answer.title,
            reason=entry.answer.prediction.reason,
            rgb=rgb,
            caption=caption,
            compact=True,
            mark=entry.answer.mark,
        )
        with block.actions:
            _show_buttons(username, entry)
        with st.expander("What the answer rests on", expanded=True):
            _show_facts(entry, batches.get(entry.batch or 0, ""))
        _show_rerun(username, entry, data)


def comparison_table(then: HistoryAnswer, today: HistoryAnswer) -> pd.DataFrame:
    """Compare two answers about one picture, one row a property that either has."""
    table = pd.DataFrame(
        {
            "Verdict": VERDICT_TITLES[answer.prediction.verdict],
            "Probability": "none"
            if answer.prediction.p_all is None
            else f"{answer.prediction.p_all:.3f}",
            "Refused because": answer.prediction.reason,
            "Threshold": f"{answer.prediction.threshold:.3f}",
            "Model": answer.model,
            "Weights": answer.model_sha256[:_DIGITS],
            "Preprocessing": str(answer.preprocessing_version),
            "Site profile": answer.profile or "",
        }
        for answer in (then, today)
    )
    table = table.set_axis(["Then", "Today"]).T.rename_axis("").reset_index()
    changed = table["Then"] != table["Today"]
    table["Changed"] = changed.map({True: "changed", False: ""})
    return table[changed | (table["Then"] != "")]


def comparison_sentence(then: HistoryAnswer, today: HistoryAnswer) -> str:
    """Say whether the verdict is the same, and what of the model has changed."""
    first, second = (VERDICT_TITLES[answer.prediction.verdict] for answer in (then, today))
    stands = f"**{first}** still" if first == second else f"**{first}** then, **{second}** today"
    facts = {
        "model": (then.model, today.model),
        "weights": (then.model_sha256, today.model_sha256),
        "preprocessing": (then.preprocessing_version, today.preprocessing_version),
        "site profile": (then.profile, today.profile),
        "threshold": (then.prediction.threshold, today.prediction.threshold),
    }
    changed = [name for name, (one, other) in facts.items() if one != other]
    why = f"Changed since: {', '.join(changed)}" if changed else "Nothing of the model has changed"
    return f"{stands}. {why}."


def _summary(answer: HistoryAnswer) -> AnswerSummary:
    """The answer, with what the installed model's folder records of the cell."""
    known, sets = KnownCell(None, "unknown"), None
    if answer.model in model_folder.names():
        with contextlib.suppress(AllScopeError):
            model = _with_profile(model_folder.resolve(answer.model), answer.profile)
            if model.info.weights_sha256 == answer.model_sha256:
                explainer = explanation_view.explainer(cell_images.at_hand(model.info))
                [known] = explainer.known(model, [answer.image_sha256])
                sets = explainer.record(model).sets
    return answer_summary.summarise(answer.prediction, known, sets)


def _with_profile(model: InstalledModel, key: str | None) -> InstalledModel:
    """The model with a site profile; without it where it is gone or of another model."""
    if key is None:
        return model
    try:
        return model.with_profile(site_profile.find(key))
    except AllScopeError:
        return model


def _decoded(data: bytes | None, answer: HistoryAnswer) -> tuple[Rgb | None, str]:
    """The stored picture, or the cell cut out of it, and its caption; without one, why."""
    if data is None:
        return None, "The picture was not kept."
    try:
        picture = segmentation.decoded_cell(data, answer.cut)
        return picture.rgb, "The cell, cut out" if answer.cut else "The picture as it came"
    except BadImage as error:
        return None, str(error)


def _show_facts(entry: HistoryEntry, batch: str) -> None:
    answer, prediction, flagged_at = entry.answer, entry.answer.prediction, entry.flagged_at
    ood_score = prediction.ood_score
    weights, picture = answer.model_sha256[:_DIGITS], answer.image_sha256[:_DIGITS]
    rows = {
        "Asked": f"{entry.at:%Y-%m-%d %H:%M} UTC",
        "Batch": frame.plain(batch),
        "Subject": frame.plain(answer.subject or ""),
        "Model": f"{frame.plain(answer.model)}, weights {weights}",
        "Preprocessing": f"version {answer.preprocessing_version}",
        "Threshold": f"{prediction.threshold:.3f}",
        "Site profile": frame.plain(answer.profile or ""),
        "Out-of-distribution score": "" if ood_score is None else f"{ood_score:.2f} of 1",
        "Cell": frame.plain(str((answer.cut or {}).get("note", ""))),
        "Normalisation": frame.plain(str((answer.cut or {}).get("normalisation", ""))),
        "Worth": answer.mark,
        "Picture": f"SHA-256 {picture}" if picture else "unreadable",
        "Flagged": "" if flagged_at is None else f"{flagged_at:%Y-%m-%d %H:%M} UTC",
        "Your note": frame.plain(entry.flag_note),
    }
    st.markdown("  \n".join(f"{name}: **{text}**" for name, text in rows.items() if text))


def _show_buttons(username: str, entry: HistoryEntry) -> None:
    with st.container(horizontal=True):
        _show_flag(username, entry)
        if frame.confirm_button(
            "Delete this answer",
            icon=":material/delete:",
            yes="Yes, delete",
            sentence="The answer, and the kept picture where no other answer is about it: gone for "
            "good.",
            key="delete_one",
        ):
            history.delete_entries(accounts.store_to("keep"), username, [entry.id])
            filters.clear_parameter(filters.ENTRY)
            frame.set_notice("1 answer deleted.")
            st.rerun()
        st.button(
            "Close", icon=":material/close:", key="close_one",
            on_click=filters.clear_parameter, args=(filters.ENTRY,),
        )  # fmt: skip


def _show_flag(username: str, entry: HistoryEntry) -> None:
    flagged = entry.flagged_at is not None
    with st.popover("Change the flag" if flagged else "Flag", icon=":material/flag:"):
        st.markdown(_SHARED)
        note = st.text_area(
            "Note (optional)", entry.flag_note, max_chars=reviews.MAX_NOTE, key=f"note_{entry.id}",
            placeholder="What is wrong with the answer?",
        )  # fmt: skip
        put = st.button("Save the note" if flagged else "Put it into the review queue", key="flag")
        take = flagged and st.button("Remove the flag", key="unflag")
    try:
        if put:
            flags.flag(accounts.store_to("keep"), username, entry.id, note or "")
            frame.set_notice("The answer is flagged, and its picture waits for review.")
        elif take:
            flags.unflag(accounts.store_to("keep"), username, entry.id)
            frame.set_notice("The flag is removed.")
    except AllScopeError as error:
        frame.problem(error)
        return
    if put or take:
        st.rerun()


def _show_rerun(username: str, entry: HistoryEntry, data: bytes | None) -> None:
    """Draw the controls, and both answers once there are two; data are of the stored picture."""
    if not entry.answer.image_sha256:
        return
    with st.expander("Ask today's model again", icon=":material/replay:", expanded=True):
        try:
            _show_controls(username, entry, data)
        except AllScopeError as error:
            frame.problem(error)
        number, second = st.session_state.get(_SECOND, (None, None))
        if number == entry.id and second is not None:
            st.markdown(comparison_sentence(entry.answer, second))
            table = comparison_table(entry.answer, second)
            st.dataframe(
                table, hide_index=True, key="history_both", alt="Both answers, line by line"
            )


def _show_controls(username: str, entry: HistoryEntry, data: bytes | None) -> None:
    """Draw the controls; predict where the button is pressed.

    Raises:
        AllScopeError: another file was uploaded, or the model can't be used.
    """
    model = _choose_model(entry.answer.model)
    if data is None:
        data = _choose_file(entry)
    if model is None or data is None:
        return
    if st.button("Ask again", icon=":material/replay:", key="ask_again"):
        installed = _with_profile(model_folder.resolve(model), entry.answer.profile)
        predictor = resources.predictor(installed)
        second, store = _predict(entry.answer, predictor, data), accounts.store_to("keep")
        history.add(store, username, [second], picture_bytes={entry.answer.image_sha256: data})
        st.session_state[_SECOND] = (entry.id, second)
        st.rerun()  # the list has one more


def _choose_model(before: str) -> str | None:
    """Return the chosen model, by default that of the first answer."""
    names = model_folder.names()
    if not names:
        st.markdown("No model is installed, so there is none to ask.")
        return None
    preferred = before if before in names else settings.load().model
    index = names.index(preferred) if preferred in names else 0
    if before not in names:
        st.caption(f"The model {frame.plain(before)} is not installed any more.")
    return str(st.selectbox("Model", names, index=index, key="again_model", width=frame.FORM_WIDTH))


def _choose_file(entry: HistoryEntry) -> bytes | None:
    """Return the uploaded file.

    Raises:
        BadImage: it is another one than that of the first answer.
    """
    file = st.file_uploader(
        "The picture was not kept: drop the same file again", key=f"again_file_{entry.id}"
    )
    data = file.getvalue() if file else None
    if data is not None and hashlib.sha256(data).hexdigest() != entry.answer.image_sha256:
        raise BadImage(_OTHER_FILE)
    return data


def _predict(first: HistoryAnswer, predictor: Predictor, data: bytes) -> HistoryAnswer:
    """Repeat an answer for the bytes of its picture; an unreadable one is refused."""
    try:
        picture = segmentation.decoded_cell(data, first.cut)
        prediction = predictor.predict([picture])[0]
    except BadImage as error:
        prediction = predictor.prediction(None, Refusal("readable", str(error)))
    info, profile = predictor.info, predictor.profile
    mark = {"mark": smear.validation_mark(profile)}
    return replace(
        first,
        cut=None if first.cut is None else first.cut | mark,
        profile=None if profile is None else profile.key,
        model=info.name,
        model_sha256=info.weights_sha256,
        preprocessing_version=info.preprocessing.version,
        prediction=prediction,
    )
