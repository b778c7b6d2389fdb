from allcore.web import guard

user = guard.require("compare")

import streamlit as st

from allcore.errors import AllScopeError
from allcore.evaluation.comparison import PROTOCOLS
from allcore.web import frame
from allcore.web.compare import comparison_sections, experiments, results_cache

METHOD = """
**Unseen subjects**: subjects are split into folds; each cell is predicted once, by a network whose
training and validation cells came from other subjects. **Paper's image split**: images are split
8 : 1 : 1 at random, so a subject's cells are in training and in test alike; the difference is the
**leakage gap**. Logits become probabilities by Platt scaling fitted on validation cells, and a cell
is called an ALL blast from 0.50 on, fixed beforehand. Intervals are of 95 %: over subjects for
unseen subjects, over cells for the image split. Paired tests see both networks' answers for the
same cells. McNemar's test takes cells as independent, which cells of one subject are not, so
where it and the interval over subjects disagree, go by the interval. The best network was chosen by
these very cells, which flatters it a little. **Epochs**: the first epoch, median over
folds, that reaches 95 % of that run's best validation score. **MACs**: multiply-adds a cell.
Pyramid CNN is our reading of a pyramid-style network; logistic regression and SVM work on a
network's penultimate features; an ensemble takes the mean of its members' calibrated logits.
"""

frame.header(
    title="Compare",
    question="Which network is best, by the paper's own protocol and on subjects that it never "
    "saw?",
)
if not results_cache.has_comparison():
    st.info(
        "No networks have been compared yet: run `python -m allcore compare --data DIR`.",
        icon=":material/deployed_code:",
        width=frame.TEXT_WIDTH,
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

comparison_sections.show_answer(data)
comparison_sections.show_table(data)
if len(data.protocols) == len(PROTOCOLS):
    st.subheader("What leakage adds", anchor=False)
    comparison_sections.show_leakage_gap(data)
st.subheader("Learning curves", anchor=False)
comparison_sections.show_learning_curves(data)
if data.subjects["network"].nunique() > 1:
    st.subheader("One network's subjects against another's", anchor=False)
    comparison_sections.show_subjects(data)
experiments.show_experiments()
with st.expander("Method and commands"):
    st.markdown(METHOD, width=frame.TEXT_WIDTH)
    for command in sorted({row.command for row in data.comparison.rows}):
        st.code(command, language="shell", wrap_lines=True)
