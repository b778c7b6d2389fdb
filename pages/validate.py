from allcore.web import guard

user = guard.require("validate")

import streamlit as st

from allcore.errors import AllScopeError
from allcore.web import frame, resources
from allcore.web.validate import controls, job, profiles_view, result_view

frame.header(
    title="Validate",
    question="What may be claimed of the model on cells of your own laboratory?",
)
try:
    with st.container(horizontal=True, vertical_alignment="bottom", key="controls_validate"):
        model = resources.choose_model()
        if model is None:
            st.stop()
        inputs = controls.choose_inputs(model)
        file = inputs.file
        answers = job.load(file)
        width = result_view.choose_width() if answers else None
    running = job.find(file)
    if running is not None and running.is_alive():
        controls.show_progress(file)
    elif answers is None or width is None:
        controls.show_start(inputs, file, user)
    else:
        key = f"{file.name} {file.stat().st_mtime_ns}"
        validation = result_view.validate(answers, model, width, key)
        pictures, words = st.columns([3, 2], gap="large")
        with pictures:
            result_view.show_pictures(validation, key)
            result_view.show_figures(validation)
        with words:
            result_view.show_verdict(validation)
            profiles_view.show_save(validation, inputs, user)
        profiles, calibration = st.columns(2, gap="large")
        with profiles:
            profiles_view.show_profiles(model, user)
        with calibration:
            result_view.show_calibration(validation, key)
        result_view.show_method()
        st.stop()
except AllScopeError as error:
    frame.problem(error)
if model is not None:
    profiles_view.show_profiles(model, user)
