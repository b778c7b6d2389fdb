"""The answers to pictures on a page: progress, the table of many, the card of one."""

import base64
from typing import Literal

import pandas as pd
import streamlit as st
from torch import Tensor

from allcore import plots
from allcore.data.cells import Rgb
from allcore.errors import BadImage
from allcore.inference import export, gradcam, upload
from allcore.inference.gradcam import Heat
from allcore.inference.jobs import Item, Job
from allcore.inference.results import Row
from allcore.web import frame
from allcore.web.resources import Service

PICTURE_WIDTH = 280
"""Pixels a cell is shown at, the same for picture and overlay, so that they can be compared."""

VERDICTS = {"all": "ALL blast", "hem": "normal", "refused": "refused"}
SPOKEN = {"all": "ALL blast", "hem": "Normal", "refused": "Refused"}
_COLUMNS = (3, 2)  # on a phone the first comes first: the answer before the picture
_TRUSTED_SHARE = 0.5


def show(job: Job, service: Service) -> None:
    """What a job has answered so far: the table where there are many, one card, the download."""
    items = job.items
    if job.cancelled:
        st.info(
            f"Cancelled: {len(items):,} of {len(job.sources):,} pictures are answered.",
            icon=":material/info:",
            width=frame.TEXT_WIDTH,
        )
    if not items:
        return
    rows = [item.row for item in items]
    shown = 0
    if len(job.sources) > 1:
        st.subheader(counts(rows), anchor=False)
        shown = table(items)
    card(items[shown], service, timing=timing(job, str(service.predictor.device)))
    st.download_button(
        "Download answers as CSV",
        export.csv_bytes(rows),
        file_name="predictions.csv",
        mime="text/csv",
        icon=":material/download:",
    )


def counts(rows: list[Row]) -> str:
    """How many of each verdict, as a sentence."""
    number = {verdict: sum(row.verdict == verdict for row in rows) for verdict in VERDICTS}
    said = ", ".join(f"{number[verdict]:,} {word}" for verdict, word in VERDICTS.items())
    return f"{len(rows):,} {'picture' if len(rows) == 1 else 'pictures'}: {said}"


def timing(job: Job, device: str) -> str:
    """How long it took, and where."""
    done = len(job.items)
    if done == 1:
        return f"Answered in {job.seconds:.2f} s on {device}"
    return f"{done:,} pictures in {job.seconds:.1f} s ({job.seconds / done:.2f} s each) on {device}"


@st.fragment(run_every=0.7)
def progress(job: Job) -> None:
    """A bar with count and time left and a button to cancel; draws the page anew at the end."""
    if not job.running:
        st.rerun()
    done, total = len(job.items), len(job.sources)
    left = "" if not done else f", about {job.seconds / done * (total - done):.0f} s left"
    with st.container(width=frame.TEXT_WIDTH):
        st.progress(done / total, text=f"{done:,} of {total:,} pictures answered{left}")
        if st.button("Cancel", icon=":material/close:"):
            job.cancel()


def table(items: list[Item]) -> int:
    """A table of many answers; gives the index of the one to show."""
    shown = pd.DataFrame(
        {
            "Cell": [_data_uri(item.thumbnail) for item in items],
            "Verdict": [VERDICTS[item.row.verdict] for item in items],
            "Probability": [item.row.p_all for item in items],
            "File": [item.row.path for item in items],
            "Reason": [item.row.reason for item in items],
        }
    )
    selection = st.dataframe(
        shown,
        hide_index=True,
        row_height=52,
        height=min(38 + 52 * len(shown), 350),
        column_config={
            "Cell": st.column_config.ImageColumn(width=64),
            "Probability": st.column_config.ProgressColumn(
                "Probability of ALL blast", format="%.2f", min_value=0.0, max_value=1.0
            ),
            "Reason": st.column_config.TextColumn(width="large"),
        },
        on_select="rerun",
        selection_mode="single-row",
        key="answers",
        alt="One row a picture: cell, file, verdict, probability, reason",
    )
    return chosen_row(list(selection["selection"]["rows"]), len(items))


def chosen_row(selected: list[int], count: int) -> int:
    """The selected row where there is one that exists, the first otherwise."""
    return selected[0] if selected and selected[0] < count else 0


def card(item: Item, service: Service, *, timing: str) -> None:
    """One answer: the verdict first, then the probability, then the evidence."""
    row = item.row
    rgb = _picture(item)
    with st.container(border=True):
        said, seen = st.columns(_COLUMNS, gap="large")
        with said:
            _verdict(row, timing)
        with seen:
            if rgb is None:
                st.markdown(":material/broken_image: There is no picture to show.")
            elif row.verdict == "refused":
                _show(rgb, caption="The picture as it came")
            else:
                cell = service.predictor.prepare(rgb)
                _show(cell.permute(1, 2, 0).numpy(), caption="The cell as the network saw it")
        if rgb is not None and row.verdict != "refused":
            _evidence(cell, row, service)


def _picture(item: Item) -> Rgb | None:
    """The picture, read again; None where it can't be decoded."""
    try:
        return upload.decode(item.source.read())
    except BadImage:
        return None


def _show(rgb: Rgb, *, caption: str) -> None:
    st.image(rgb, width=PICTURE_WIDTH, caption=caption, alt=caption)


def _verdict(row: Row, timing: str) -> None:
    st.metric(frame.plain(row.path), SPOKEN[row.verdict])
    if row.p_all is None:
        st.markdown(frame.plain(row.reason))
    else:
        scale = plots.probability_scale(row.p_all, threshold=row.threshold)
        st.plotly_chart(scale, config={"displayModeBar": False}, key=f"scale {row.sha256}")
    st.caption(f":material/timer: {timing}")


def _evidence(cell: Tensor, row: Row, service: Service) -> None:
    """Where in the cell the network found what speaks for its verdict."""
    said, seen = st.columns(_COLUMNS, gap="large")
    towards: Literal["all", "hem"] = "all" if row.verdict == "all" else "hem"
    with seen, st.spinner("Looking for the evidence"):
        heat = _heat(cell, service, service.predictor.info.weights_sha256, row.sha256, towards)
        _show(gradcam.overlay(cell, heat), caption=f"What speaks for {VERDICTS[towards]}")
    with said:
        st.markdown("**Evidence**")
        st.markdown(heat_in_words(heat))
        st.caption(
            "Grad-CAM: the brighter a place, the more it raised the score of the verdict. It shows "
            "where the network looked, not why, and not where disease is."
        )


def heat_in_words(heat: Heat) -> str:
    """What the share of heat inside the cell says."""
    if not heat.values.any():
        return f"No place in the picture speaks for {VERDICTS[heat.towards]} by itself."
    said = f"{100 * heat.share_in_cell:.0f} % of the heat lies inside the cell."
    if heat.share_in_cell < _TRUSTED_SHARE:
        said += " Most of it lies outside, so the answer rests on something other than the cell."
    return said


@st.cache_data(max_entries=128, show_spinner=False)
def _heat(
    _cell: Tensor, _service: Service, weights: str, picture: str, towards: Literal["all", "hem"]
) -> Heat:
    return gradcam.explain(_service.predictor, _cell, towards=towards)


def _data_uri(jpeg: bytes | None) -> str | None:
    return None if jpeg is None else "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
