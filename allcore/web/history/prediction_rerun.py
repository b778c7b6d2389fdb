"""Asking today's model about a picture that was asked about before, and both answers side by side.

The second answer is kept as well: it is one like any other.
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
    """One thing about two answers, as it is written, and whether it differs."""

    what: str
    then: str
    today: str
    changed: bool


def show_rerun(username: str, asked: HistoryEntry, data: bytes | None) -> None:
    """Draw what asks again, and both answers once it was asked.

    Args:
        username: who asks.
        asked: the first answer.
        data: bytes of the picture where it is kept.
    """
    if not asked.answer.image_sha256:
        return
    with st.expander("Ask today's model again", icon=":material/replay:", expanded=True):
        try:
            _ask(username, asked, data)
        except AllScopeError as error:
            frame.problem(error)
        number, second = st.session_state.get(_SECOND, (None, None))
        if number == asked.id and second is not None:
            _both(asked.answer, second)


def compared_values(then: HistoryAnswer, today: HistoryAnswer) -> list[ComparedValue]:
    """What two answers about one picture say and rest on, line by line."""
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
        ComparedValue(what, one, other, one != other)
        for what, (one, other) in pairs.items()
        if one or other
    ]


def comparison_sentence(then: HistoryAnswer, today: HistoryAnswer) -> str:
    """Say whether the verdict stands, and what of the model is another now."""
    first, second = (VERDICT_TITLES[each.prediction.verdict] for each in (then, today))
    stands = f"**{first}** still" if first == second else f"**{first}** then, **{second}** today"
    rests = {
        "model": (then.model, today.model),
        "weights": (then.model_sha256, today.model_sha256),
        "preprocessing": (then.preprocessing_version, today.preprocessing_version),
        "threshold": (then.prediction.threshold, today.prediction.threshold),
    }
    changed = [name for name, (one, other) in rests.items() if one != other]
    why = f"Changed since: {', '.join(changed)}" if changed else "Nothing of the model has changed"
    return f"{stands}. {why}."


def predict(predictor: Predictor, data: bytes) -> Prediction:
    """The answer for the bytes of a picture; what can't be read is refused."""
    try:
        return predictor.predict([upload.decode(data)])[0]
    except BadImage as error:
        threshold = predictor.info.threshold
        return Prediction("refused", None, None, threshold, str(error), "readable")


def _ask(username: str, asked: HistoryEntry, data: bytes | None) -> None:
    """Draw the controls; ask once where the button is pressed.

    Raises:
        AllScopeError: another file was dropped, or the model can't be used.
    """
    model = _model(asked.answer.model)
    if data is None:
        data = _dropped(asked)
    if model is None or data is None:
        return
    if st.button("Ask again", icon=":material/replay:", key="ask_again"):
        predictor = resources.predictor(model_folder.resolve(model))
        second = _second(asked.answer, predictor, data)
        history.add(
            accounts.store_to("keep"),
            username,
            [second],
            picture_bytes={asked.answer.image_sha256: data},
        )
        st.session_state[_SECOND] = (asked.id, second)
        st.rerun()  # the list has one more


def _model(before: str) -> str | None:
    """The model to ask: the same one as it is today, unless another is chosen."""
    names = model_folder.names()
    if not names:
        st.markdown("No model is installed, so there is none to ask.")
        return None
    preferred = before if before in names else settings.load().model
    index = names.index(preferred) if preferred in names else 0
    if before not in names:
        st.caption(f"The model {frame.plain(before)} is not installed any more.")
    return str(st.selectbox("Model", names, index=index, key="again_model", width=frame.FORM_WIDTH))


def _dropped(asked: HistoryEntry) -> bytes | None:
    """The same file, dropped again.

    Raises:
        BadImage: it is another one.
    """
    file = st.file_uploader(
        "The picture was not kept: drop the same file again", key=f"again_file_{asked.id}"
    )
    if file is None:
        return None
    data = file.getvalue()
    if hashlib.sha256(data).hexdigest() != asked.answer.image_sha256:
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
            "": each.what,
            "Then": each.then,
            "Today": each.today,
            "Changed": "changed" if each.changed else "",
        }
        for each in compared_values(then, today)
    )
    st.dataframe(table, hide_index=True, key="history_both", alt="Both answers, line by line")
