from allcore.web import guard

user = guard.require("visitor")

import streamlit as st

from allcore.web import frame, navigation

DOORS = (
    ("Check an image", "Predict", "Upload cell images; read verdict, probability and evidence."),
    ("Explore errors", "Evaluation", "See which cells and subjects the model gets wrong."),
    ("Know the data", "Dataset", "Look through the cells, subjects and splits behind it."),
)

frame.header(
    title="ALLScope",
    question="ALLScope looks at microscope images of single white blood cells and says how sure a "
    "trained network is that a cell is an ALL blast rather than a normal one. "
    "It shows beside each answer what speaks for it, and how often such answers are wrong.",
)
frame.show_said()

for column, (title, page, text) in zip(st.columns(3), DOORS, strict=True):
    with column.container(border=True, height="stretch"):
        st.subheader(title, anchor=False)
        st.markdown(text)
        st.space("stretch")
        navigation.link(page, label="Open" if user.may("user") else "Sign in and open")

st.subheader("What it is not", anchor=False)
st.markdown(
    "Not a diagnosis: leukemia is diagnosed by people, from more than one cell and more than one "
    "method. Not tested on other stains, microscopes or hospitals than those of its data set.",
    width=frame.TEXT_WIDTH,
)
