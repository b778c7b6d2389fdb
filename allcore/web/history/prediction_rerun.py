"""Repetition of an answer with today's model, and both answers side by side.

The second answer is stored in the history as well.
"""

import hashlib
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from allcore import model_folder, settings
from allcore.errors import AllScopeError, BadImage
from allcore.inference import upload
from allcore.inference.predictor import Predictor
from allcore.inference.results import Prediction
from allcore.labels import VERDICT_TITLES
from allcore.store import history
from allcore.store.history import HistoryAnswer, HistoryEntry
from allcore.web import accounts, frame, resources
from allcore.web.history import entry_text

_SECOND = "history_second"
OTHER_FILE = (
    "This is another file than the one that was asked about, for its SHA-256 differs; drop the "
    "same file."
)


@dataclass(frozen=True)
class ComparedValue:
    """A property of two answers, as pages write it, and whether it differs."""

    name: str
    then: str
    today: str
    changed: bool


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
            _ask(username, entry, data)
        except AllScopeError as error:
            frame.problem(error)
        number, second = st.session_state.get(_SECOND, (None, None))
        if number == entry.id and second is not None:
            _both(entry.answer, second)


def compared_values(then: HistoryAnswer, today: HistoryAnswer) -> list[ComparedValue]:
    """Compare two answers about one picture, property by property."""
    first, second = then.prediction, today.prediction
    pairs = {
        "Verdict": (VERDICT_TITLES[first.verdict], VERDICT_TITLES[second.verdict]),
        "Probability": (
            entry_text.probability_text(first.p_all),
            entry_text.probability_text(second.p_all),
        ),
        "Refused because": (first.reason, second.reason),
        "Threshold": (f"{first.threshold:.3f}", f"{second.threshold:.3f}"),
        "Model": (then.model, today.model),
        "Weights": (
            then.model_sha256[: entry_text.DIGITS],
            today.model_sha256[: entry_text.DIGITS],
        ),
        "Preprocessing": (
            str(then.preprocessing_version),
            str(today.preprocessing_version),
        ),
    }
    return [
        ComparedValue(name, one, other, one != other)
        for name, (one, other) in pairs.items()
        if one or other
    ]


def comparison_sentence(then: HistoryAnswer, today: HistoryAnswer) -> str:
    """Say whether the verdict is the same, and what of the model has changed."""
    first, second = (VERDICT_TITLES[value.prediction.verdict] for value in (then, today))
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


def predict(predictor: Predictor, data: bytes) -> Prediction:
    """Predict for the bytes of a picture; an unreadable one is refused."""
    try:
        return predictor.predict([upload.decode(data)])[0]
    except BadImage as error:
        threshold = predictor.info.threshold
        return Prediction("refused", None, None, threshold, str(error), "readable")


def _ask(username: str, entry: HistoryEntry, data: bytes | None) -> None:
    """Draw the controls; predict where the button is pressed.

    Raises:
        AllScopeError: another file was uploaded, or the model can't be used.
    """
    model = _model(entry.answer.model)
    if data is None:
        data = _uploaded(entry)
    if model is None or data is None:
        return
    if st.button("Ask again", icon=":material/replay:", key="ask_again"):
        predictor = resources.predictor(model_folder.resolve(model))
        second = _second(entry.answer, predictor, data)
        history.add(
            accounts.store_to("keep"),
            username,
            [second],
            picture_bytes={entry.answer.image_sha256: data},
        )
        st.session_state[_SECOND] = (entry.id, second)
        st.rerun()  # the list has one more


def _model(before: str) -> str | None:
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


def _uploaded(entry: HistoryEntry) -> bytes | None:
    """Return the uploaded file.

    Raises:
        BadImage: it is another one than that of the first answer.
    """
    file = st.file_uploader(
        "The picture was not kept: drop the same file again", key=f"again_file_{entry.id}"
    )
    if file is None:
        return None
    data = file.getvalue()
    if hashlib.sha256(data).hexdigest() != entry.answer.image_sha256:
        raise BadImage(OTHER_FILE)
    return data


def _second(first: HistoryAnswer, predictor: Predictor, data: bytes) -> HistoryAnswer:
    info = predictor.info
    return HistoryAnswer(
        name=first.name,
        image_sha256=first.image_sha256,
        model=info.name,
        model_sha256=info.weights_sha256,
        preprocessing_version=info.preprocessing.version,
        prediction=predict(predictor, data),
        subject=first.subject,
    )


def _both(then: HistoryAnswer, today: HistoryAnswer) -> None:
    st.markdown(comparison_sentence(then, today))
    table = pd.DataFrame(
        {
            "": value.name,
            "Then": value.then,
            "Today": value.today,
            "Changed": "changed" if value.changed else "",
        }
        for value in compared_values(then, today)
    )
    st.dataframe(table, hide_index=True, key="history_both", alt="Both answers, line by line")
