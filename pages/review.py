from allcore.web import guard

user = guard.require("review")

import streamlit as st

from allcore.errors import AllScopeError
from allcore.web import frame
from allcore.web.review import judging

METHOD = """
Two people judge each cell from its picture alone. The first two judgements decide: where both see
the other class than the label, the label counts as wrong; where both see the label's class and the
model calls the other, the model is wrong; two bad pictures, or one and a doubt, make a bad picture;
everything else is ambiguous. The data set is never changed: judgements are kept beside it, and
Evaluation shows the figures with both labels. Cells come in an order of your own that hangs on
nothing but your name, so a cell's place says nothing about it. A cell that you put into the queue
from its own window is left to others, because its label was in your sight. Please look none of the
cells up on other pages before you have judged them.
"""

frame.header(
    title="Review",
    question="What do you see in each cell, before label and prediction are shown?",
)
try:
    judging.show_queue(user, judging.choose_queue())
except AllScopeError as error:
    frame.problem(error)
with st.expander("Method"):
    frame.markdown(METHOD)
