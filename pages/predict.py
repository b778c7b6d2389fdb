from allcore.web import guard

user = guard.require("predict")

import streamlit as st

from allcore.errors import AllScopeError
from allcore.web import frame, resources
from allcore.web.predict import results, session

QUICK = 1.0  # seconds to wait for an answer before a progress bar is worth showing

frame.header(
    title="Predict",
    question="Is the cell in a picture an ALL blast or normal, and what is that answer based on?",
)
try:
    model = resources.choose_model()
except AllScopeError as error:
    frame.problem(error)
    st.stop()
if model is None:
    st.stop()

files, beside = [], st.container()
if user.may("check"):
    drop, beside = st.columns([3, 2], gap="large")
    with drop:
        files = session.choose_files()
try:
    with st.container():  # a place of its own, so that nothing moves when the model is loaded
        service = resources.service(model)
    example = session.choose_example(service.predictor, beside)
except AllScopeError as error:
    frame.problem(error)
    st.stop()

run = session.current_run(session.to_inputs(files, example), service, user)
if run is None:
    st.info(
        "Drop one picture or many, or choose a synthetic cell. Each gets its own answer.",
        icon=":material/biotech:",
        width=frame.TEXT_WIDTH,
    )
else:
    if not run.job.wait(QUICK):
        results.show_progress(run.job)
    results.show_predictions(run, model, service, user)
results.show_method(service.predictor)
