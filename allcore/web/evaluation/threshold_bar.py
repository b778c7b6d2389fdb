"""The control of the threshold: typed, dragged, or chosen by a rule; stored in the address."""

import streamlit as st

from allcore import formats
from allcore.errors import AllScopeError
from allcore.evaluation import model_evaluation, thresholds
from allcore.evaluation.thresholds import ThresholdChoice
from allcore.web import evaluations, frame
from allcore.web.evaluations import PredictionSource

KEY = "threshold"
_SLIDER, _RULE, _NOTE = "threshold_slider", "threshold_rule", "threshold_said"
FLATTERS = (
    "Chosen on the very cells that are shown, because this source has no validation cells: that "
    "flatters the figures."
)


def choose_threshold(source: PredictionSource, split: str) -> tuple[float, str]:
    """Draw the controls; return the threshold and the sentence that says how it was chosen."""
    own = float(source.threshold)
    state = st.session_state
    if state.get("threshold_of") != source.key:  # another model has another threshold of its own
        if "threshold_of" in state:
            state[KEY] = own
        state["threshold_of"] = source.key
        state.pop(_NOTE, None)
    typed = st.number_input(
        "Threshold", 0.0, 1.0, value=own, step=0.01, format="%.3f", key=KEY, width=140,
        bind="query-params", help="A cell is predicted ALL blast from this probability on.",
    )  # fmt: skip
    state[_SLIDER] = typed
    st.slider(
        "Threshold by hand", 0.0, 1.0, step=0.001, key=_SLIDER, format="%.3f", width=150,
        label_visibility="collapsed", on_change=lambda: _set(state[_SLIDER], ""),
    )  # fmt: skip
    rules = st.popover("Optimise", icon=":material/tune:", on_change="rerun", key="optimise")
    if rules.open:
        with rules:
            _show_rules(source, split)
    st.button(
        "Reset", icon=":material/undo:", disabled=typed == own, on_click=_set, args=(own, ""),
        help="The model's own threshold",
    )  # fmt: skip
    if typed == own:
        return typed, source.rule
    at, sentence = state.get(_NOTE, (None, ""))
    return typed, sentence if sentence and at == typed else "Chosen by hand."


def _set(value: float, sentence: str) -> None:
    st.session_state[KEY] = float(value)
    st.session_state[_NOTE] = (float(value), sentence)


def _show_rules(source: PredictionSource, split: str) -> None:
    rule = st.selectbox(
        "Rule", list(thresholds.RULES), format_func=thresholds.RULES.__getitem__, key=_RULE
    )
    target, missed = 0.95, 5.0
    if rule == "sensitivity":
        target = st.number_input("Sensitivity of at least", 0.5, 1.0, 0.95, 0.01)
    if rule == "cost":
        missed = st.number_input(
            "A missed blast costs as much as so many false alarms", 0.1, 100.0, 5.0
        )
    cells = evaluations.split_cells(source, "validation")
    flatters = cells.empty
    if flatters:
        cells = evaluations.evaluate_split(source, split).table
        st.caption(FLATTERS)
    else:
        st.caption(f"Chosen on {formats.count(len(cells), 'validation cell')}, applied to all.")
    try:
        choice = thresholds.choose_threshold(
            rule,
            model_evaluation.labels_array(cells),
            cells["probability"].to_numpy(dtype=float),
            model_evaluation.subject_groups(cells),
            target=target,
            missed_blast=missed,
        )
    except AllScopeError as error:
        frame.problem(error)
        return
    st.button(
        f"Apply {choice.value:.3f}",
        type="primary",
        on_click=_set,
        args=(choice.value, _sentence(choice, flatters)),
    )


def _sentence(choice: ThresholdChoice, flatters: bool) -> str:
    if not flatters:
        return choice.sentence
    return f"{choice.sentence.replace('validation cells', 'cells shown')} {FLATTERS}"
