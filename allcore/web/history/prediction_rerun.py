"""Repetition of an answer with today's model, and both answers side by side.

The second answer is stored in the history as well.
"""

import hashlib
from dataclasses import replace

import pandas as pd
import streamlit as st

from allcore import model_folder, settings
from allcore.errors import AllScopeError, BadImage
from allcore.inference import upload
from allcore.inference.predictor import Predictor
from allcore.inference.results import Refusal
from allcore.labels import VERDICT_TITLES
from allcore.store import history
from allcore.store.history import HistoryAnswer, HistoryEntry
from allcore.web import accounts, frame, resources

DIGITS = 12
"""Digits of a digest that pages show."""
_SECOND = "history_second"
_OTHER_FILE = (
    "This is another file than the one that was asked about, for its SHA-256 differs; drop the "
    "same file."
)


def show_rerun(username: str, entry: HistoryEntry, data: bytes | None) -> None:
    """Draw the controls, and both answers once there are two.

    Args:
        username: of the account.
        entry: the first answer.
        data: bytes of the stored picture, or None.
    """
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
            "Weights": answer.model_sha256[:DIGITS],
            "Preprocessing": str(answer.preprocessing_version),
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
        "threshold": (then.prediction.threshold, today.prediction.threshold),
    }
    changed = [name for name, (one, other) in facts.items() if one != other]
    why = f"Changed since: {', '.join(changed)}" if changed else "Nothing of the model has changed"
    return f"{stands}. {why}."


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
        predictor = resources.predictor(model_folder.resolve(model))
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
        prediction = predictor.predict([upload.decode(data)])[0]
    except BadImage as error:
        prediction = predictor.prediction(None, Refusal("readable", str(error)))
    info = predictor.info
    return replace(
        first,
        model=info.name,
        model_sha256=info.weights_sha256,
        preprocessing_version=info.preprocessing.version,
        prediction=prediction,
    )
