from allcore.web import guard

user = guard.require("home")

import streamlit as st

from allcore import model_folder, settings
from allcore.errors import AllScopeError
from allcore.web import frame, navigation
from allcore.web.administration import checklist
from allcore.web.components import tour

DOORS = (
    ("Check an image", "Predict", "Upload cell images; read verdict, probability and evidence."),
    ("Explore errors", "Evaluation", "See which cells and subjects the model gets wrong."),
    ("Know the data", "Dataset", "Look through the cells, subjects and splits behind it."),
)
# What the first door says in a demonstration, which takes no pictures.
TRY = "Choose an example; read verdict, probability and evidence."


def show_accuracy(column, title, measured, otherwise):
    """Show one protocol's accuracy with its interval and size, or why there is none."""
    with column.container(border=True, height="stretch"):
        st.markdown(f"**{title}**")
        if measured is None:
            st.markdown(otherwise)
            return
        accuracy = measured.accuracy
        st.metric("Accuracy", f"{accuracy.value:.1%}".replace("%", " %"))
        people = f" of {measured.subjects} independent subjects" if measured.subjects else ""
        interval = (
            f"95 % interval {100 * accuracy.low:.1f} to {100 * accuracy.high:.1f} %"
            if accuracy.known
            else "too few subjects for an interval"
        )
        st.caption(f"{interval}; {measured.cells:,} test cells{people}.")


frame.header(
    title="ALLScope",
    question="ALLScope looks at microscope images of single white blood cells and says how sure a "
    "trained network is that a cell is an ALL blast rather than a normal one. "
    "Beside each answer it shows what speaks for it, and how often such answers are wrong.",
)
frame.show_notice()
st.markdown(
    "It is not a diagnosis: leukemia is diagnosed by people, from more than one cell and by more "
    "than one method. It is not tested on other stains, microscopes or hospitals than its data's.",
    width=frame.TEXT_WIDTH,
)

tour.show_tour_button(user)
checklist.offer_checklist(user, "home")
for column, (title, page, text) in zip(st.columns(3), DOORS, strict=True):
    with column.container(border=True, height="stretch"):
        st.subheader(title, anchor=False)
        st.markdown(text if page != "Predict" or user.role != "demo" else TRY)
        st.space("stretch")
        navigation.link(page, label="Open" if user.may("look") else "Sign in and open")

st.subheader("How good is the model?", anchor=False)
try:
    from allcore.web import evaluations  # after the doors: it takes a second to import

    headline = evaluations.read_headline(model_folder.resolve(settings.load().model))
except AllScopeError as error:
    st.info(frame.plain(str(error)), icon=":material/deployed_code:", width=frame.TEXT_WIDTH)
    st.stop()
left, right = st.columns(2)
show_accuracy(
    left,
    "Paper's protocol: images split at random",
    headline.paper,
    f"{headline.citation} It has not been measured with this program.",
)
show_accuracy(
    right,
    "Unseen subjects: none of their cells in training",
    headline.unseen,
    frame.plain(headline.not_unseen),
)
st.markdown(headline.gap, width=frame.TEXT_WIDTH)
if headline.paper is not None:
    st.caption(headline.citation, width=frame.TEXT_WIDTH)
st.caption(f"Model {frame.plain(headline.model)}.")
