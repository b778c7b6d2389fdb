from allcore.web import guard

user = guard.require("predict")

import streamlit as st

from allcore.errors import AllScopeError
from allcore.inference import examples
from allcore.reports.model_card import results as card_results
from allcore.web import frame, resources, site_profiles
from allcore.web.predict import batch_resumption, results, session

ANSWERED = """
The cell is cut out of its black background and goes through the network, whose score becomes a
probability by the calibration found on validation subjects. From the threshold on, the cell is
predicted to be an ALL blast.
"""
FIELDS = (
    "A picture with a bright background is read as a smear field: its white cells are found by "
    "their stain, cut out on black, and brought to the stain and size of the training cells by one "
    "map for all fields of a folder, never one a cell, which would make blasts and normal cells "
    "look alike. What the model is worth for another laboratory is not known until that is "
    "validated, and every such answer says so."
)
UNGATED = (
    "This model has no gate of its own: a picture is refused only where it can't be read or does "
    "not show one cell on black. Fit one with `python -m allcore evaluate --gate`."
)
GATED = (
    "Before that a picture is refused where it can't be read, does not show one whole cell on "
    "black, is badly exposed or out of focus, or where what the network reads in it is too far "
    "from what it read in training cells."
)
QUICK = 1.0  # seconds to wait for an answer before a progress bar is worth showing

frame.header(
    title="Predict",
    question="Is the cell in a picture an ALL blast or normal, and what is that answer based on?",
)
drop, beside = st.columns(2, gap="large")
files, may_upload = [], user.may("check")
with drop:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = session.choose_kind() if may_upload else ""
        try:
            model = site_profiles.choose_profile(resources.choose_model())
        except AllScopeError as error:
            frame.problem(error)
            st.stop()
    if model is None:
        st.stop()
    site_profiles.show_mark(model)
    if may_upload:
        files = session.choose_files(kind)
thumbnails = beside.container(key="examples_place").empty()
try:
    with thumbnails.container():  # a place of its own, so that nothing moves meanwhile
        service = resources.service(model)
    example = session.selected_example(service.predictor)
    if ready := examples.is_ready(service.predictor):
        session.show_examples(service.predictor, thumbnails)
    resumed = batch_resumption.resumed_batch(model.info, user)
    run = session.current_run(session.to_inputs(files, example), service, user, resumed)
except AllScopeError as error:
    frame.problem(error)
    st.stop()

if run is None:
    frame.info(
        "Drop one picture or many, or click an example. Each gets its own answer."
        if may_upload
        else "Click an example to have it answered. Your own pictures need an account.",
        icon=":material/biotech:",
    )
else:
    if not run.job.wait(QUICK):
        results.show_progress(run.job)
    results.show_predictions(run, model, service, user)
with st.expander("Method"):
    gated = UNGATED
    if service.predictor.gate is not None:
        facts = card_results.gate_text(service.predictor.gate.facts)
        gated = f"{GATED} {frame.plain(facts)}"
    rule = frame.plain(service.predictor.info.threshold_rule)
    for paragraph in (ANSWERED, gated, FIELDS, f"Threshold: {rule}"):
        frame.markdown(paragraph)
if not ready:  # last, since they take seconds to make
    try:
        session.show_examples(service.predictor, thumbnails)
    except AllScopeError as error:
        frame.problem(error)
