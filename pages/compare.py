from allcore.web import guard

user = guard.require("compare")

import streamlit as st

from allcore.errors import AllScopeError
from allcore.web import frame
from allcore.web.compare import comparison_sections, experiments, results_cache

frame.header(
    title="Compare",
    question="Which network is best, by the paper's own protocol and on subjects that it never "
    "saw?",
)
if not results_cache.has_comparison():
    frame.info(
        "No networks have been compared yet: run `python -m allcore compare --data DIR`.",
        icon=":material/deployed_code:",
    )
    experiments.show_experiments()
    st.stop()
try:
    data = results_cache.load_comparison()
except AllScopeError as error:
    frame.problem(error)
    st.stop()
if not data.comparison.rows:
    st.info("The comparison holds no network: run `python -m allcore compare` again.")
    st.stop()

comparison_sections.show_finding(data)
comparison_sections.show_cautions(data)
comparison_sections.show_metric(data)
comparison_sections.show_tabs(data)
