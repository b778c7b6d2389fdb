from allcore.web import guard

user = guard.require("home")

import streamlit as st

from allcore import model_folder, settings
from allcore.errors import AllScopeError
from allcore.web import frame, navigation, presentation
from allcore.web.administration import checklist
from allcore.web.components import tour
from allcore.web.home import story

DOORS = (
    ("Check an image", "Predict", "Upload cell images; read verdict, probability and evidence."),
    ("Explore errors", "Evaluation", "See which cells and subjects the model gets wrong."),
    ("Know the data", "Dataset", "Look through the cells, subjects and splits behind it."),
)
# What the first door says in a demonstration, which takes no pictures.
TRY = "Choose an example; read verdict, probability and evidence."
LIMITS = (
    "Not a diagnosis: leukemia is diagnosed by people, from more than one cell and by more than "
    "one method. Not tested on other stains, microscopes or hospitals than its data's."
)


def share(measured):
    """The accuracy in percent, as text."""
    return f"{measured.accuracy.value:.1%}".replace("%", " %")


def extent(measured):
    """Interval, cells and subjects of an accuracy, as text."""
    accuracy = measured.accuracy
    people = f" of {measured.subjects} subjects" if measured.subjects else ""
    interval = (
        f"95 % CI {100 * accuracy.low:.1f} to {100 * accuracy.high:.1f} %"
        if accuracy.known
        else "too few subjects for an interval"
    )
    return f"{interval}; {measured.cells:,} test cells{people}"


def show_figures(headline):
    """Show the accuracy on unseen subjects large, the paper's protocol smaller, and the gap."""
    if headline.unseen is None:
        st.markdown(frame.plain(headline.not_unseen))
    else:
        with st.container(key="honest", gap=None):
            st.metric("Accuracy", share(headline.unseen), label_visibility="collapsed")
            st.caption(f"On subjects that the model never saw; {extent(headline.unseen)}.")
    if headline.paper is None:
        st.markdown(f"{headline.citation} It has not been measured with this program.")
    else:
        st.markdown(
            f"**{share(headline.paper)}** with images split at random, as in the paper",
            help=f"{headline.citation} Measured here: {extent(headline.paper)}.",
        )
    difference, _, why = headline.gap.partition(": ")
    st.markdown(f"{difference}.", help=why[:1].upper() + why[1:])
    if not presentation.is_on():
        st.caption(f"Model {frame.plain(headline.model)}.")


step = story.current_step(user)
frame.header(
    title="ALLScope",
    question=story.QUESTION
    if step
    else "ALL blast or normal: what a network answers from one cell, and how far to trust it.",
)
frame.show_notice()
if step:
    try:
        story.show_turning(step)
        with st.container(key="story"):
            from allcore.web.home import story_steps  # takes a second

            story_steps.show_step(step, user, model_folder.resolve(settings.load().model))
    except AllScopeError as error:
        frame.problem(error)
    st.stop()
if not presentation.is_on():
    checklist.offer_checklist(user, "home")
left, right = st.columns([3, 2], gap="large")
answers, figures = left.container(key="answers"), right.container(key="figures")
answers.markdown("**Three typical answers**")
figures.markdown("**Accuracy**")
for number, (column, (title, page, text)) in enumerate(zip(st.columns(3), DOORS, strict=True)):
    with column.container(key=f"door_{number}", gap="xsmall"):
        navigation.link(page, label=title, width="stretch")
        access = "" if user.may("look") else " Needs an account."
        st.caption((text if page != "Predict" or user.role != "demo" else TRY) + access)
if not presentation.is_on():
    frame.caption(LIMITS)
with st.container(horizontal=True):
    story.show_story_button(user)
    if not presentation.is_on():
        tour.show_tour_button(user)

try:
    # Filled when the rest stands, since the imports take a second.
    from allcore.web import evaluations
    from allcore.web.home import typical_answers

    model = model_folder.resolve(settings.load().model)
    with figures:
        show_figures(evaluations.read_headline(model))
    with answers:
        typical_answers.show_answers(user, model)
except AllScopeError as error:
    frame.info(frame.plain(str(error)), icon=":material/deployed_code:")
