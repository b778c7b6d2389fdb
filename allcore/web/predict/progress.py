"""Pictures on their way: how many are answered, how long it takes, and the way to stop."""

import streamlit as st

from allcore.inference.jobs import Job
from allcore.web import frame, guard


@guard.every(0.7)
def show(job: Job) -> None:
    """A bar with count and time left and a button to cancel; draws the page anew at the end."""
    if not job.running:
        st.rerun()
    done, total = len(job.items), len(job.sources)
    left = "" if not done else f", about {job.seconds / done * (total - done):.0f} s left"
    with st.container(width=frame.TEXT_WIDTH):
        st.progress(done / total, text=f"{done:,} of {total:,} pictures answered{left}")
        if st.button("Cancel", icon=":material/close:"):
            job.cancel()


def timing(job: Job, device: str) -> str:
    """How long it took, and where."""
    done = len(job.items)
    if done == 1:
        return f"Answered in {job.seconds:.2f} s on {device}"
    return f"{done:,} pictures in {job.seconds:.1f} s ({job.seconds / done:.2f} s each) on {device}"
