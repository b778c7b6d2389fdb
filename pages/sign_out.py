from allcore.web import guard

user = guard.require("sign_out")

import streamlit as st

from allcore.web import accounts, frame, navigation

if not user.signed_in:  # a demonstration opens to everyone
    frame.header(title="Sign out", question="Nobody is signed in.")
    st.stop()
frame.header(
    title="Sign out",
    question=f"You are signed in as **{frame.plain(user.display_name)}**. What is stored stays; "
    "pictures that were chosen, opened predictions and a split that was not saved are lost.",
)
with st.container(horizontal=True, vertical_alignment="center"):
    if st.button("Sign out", icon=":material/logout:", type="primary"):
        accounts.sign_out()
        navigation.go("Home")
    navigation.link("Home", label="Stay signed in")
