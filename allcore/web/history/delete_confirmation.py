"""Buttons that ask before they delete."""

import streamlit as st


def confirmed(label: str, *, sentence: str, key: str, disabled: bool = False) -> bool:
    """Draw a button that says what will be deleted and asks; tell whether it was confirmed."""
    with st.popover(label, icon=":material/delete:", disabled=disabled):
        st.markdown(sentence)
        return st.button("Yes, delete", type="primary", key=key)
