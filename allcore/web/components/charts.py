"""Figures and tables as pages show them, and as they leave the page: with the notice inside."""

from collections.abc import Callable
from typing import Any, Literal, cast

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.elements.plotly_chart import PlotlyState, SelectionMode

from allcore import notice
from allcore.inference import export
from allcore.plots import export as plots_export

FORMATS = ("PNG", "SVG")
NOTICE = "notice"
"""The column of a CSV that holds the sentence."""
_CHOSEN, _WIDGET = "format of saved figures", "format of saved figures (control)"
_SCALE = 2  # pixels of a saved PNG to one of the screen


def chart(
    figure: go.Figure,
    *,
    key: str | None = None,
    name: str,
    on_select: Literal["rerun"] | Callable[..., None] | None = None,
    selection_mode: SelectionMode | tuple[SelectionMode, ...] = ("points", "box", "lasso"),
    alt: str | None = None,
) -> PlotlyState | None:
    """Draw a figure that can be saved as a picture with the notice inside.

    Args:
        figure: gets the notice as a small line below its title, once however often it is drawn.
        key: of the element; needed where selections are kept.
        name: of the file that it is saved as.
        on_select: "rerun" where a selection runs the page again, or what is called before it does.
        selection_mode: what can be selected.
        alt: what a screen reader says; the title where none is given.

    Returns:
        The selection where `on_select` is given.
    """
    plots_export.label(figure)
    event = st.plotly_chart(
        figure,
        width="stretch",
        theme="streamlit",
        key=key,
        on_select=on_select or "ignore",
        selection_mode=selection_mode,
        config=config(name, height=figure.layout.height),
        alt=alt or plain_title(figure),
    )
    return None if on_select is None else cast(PlotlyState, event)


def figure_format() -> str:
    """Draw the control that says as what the camera of every figure saves, and give its choice."""
    chosen = st.radio(
        "Save figures as",
        FORMATS,
        index=FORMATS.index(_format()),
        key=_WIDGET,
        horizontal=True,
        help="What the camera in a figure's corner saves: PNG for slides, SVG for print.",
    )
    # Kept under a key of no widget, so that it outlives pages without the control.
    st.session_state[_CHOSEN] = chosen
    return str(chosen)


def table_csv(
    table: pd.DataFrame | Callable[[], pd.DataFrame],
    name: str,
    *,
    label: str = "Download as CSV",
    key: str | None = None,
) -> None:
    """Draw the button that downloads a table; the file is made when it is asked for.

    Args:
        table: without its index; or what makes it, where that takes a while.
        name: of the file, without suffix.
        label: of the button.
        key: of the button, where a page offers one table twice.
    """
    st.download_button(
        label,
        lambda: csv_bytes(table() if callable(table) else table),
        file_name=f"{plots_export.file_name(name)}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=key or f"download {name}",
    )


def csv_bytes(table: pd.DataFrame) -> bytes:
    """A table as CSV in UTF-8: the notice as its last column, no cell that is a formula.

    Text that a spreadsheet would calculate gets an apostrophe before it; numbers stay as they are.
    """
    # Column by column, since a table may have two of one name.
    columns = [_inert_column(table.iloc[:, place]) for place in range(table.shape[1])]
    head = [str(export.inert(str(name))) for name in table.columns]
    safe = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=table.index)
    safe.columns = pd.Index(head)
    if NOTICE not in head:
        safe.insert(len(head), NOTICE, notice.RESEARCH_USE)
    # Both characters, so that a cell with either of them is quoted and starts no row of its own.
    return safe.to_csv(index=False, lineterminator="\r\n").encode()


def config(name: str, *, height: float | None = None) -> dict[str, object]:
    """What plotly shows in a figure's corner, and how it saves the figure.

    Saved figures have one width whatever the screen's, so that one saved on a phone, where letters
    would be too wide for it, is that of a desktop.

    Args:
        name: of the file.
        height: of the figure in pixels; that of the screen where it is None.
    """
    saved: dict[str, object] = {
        "format": _format().lower(),
        "filename": plots_export.file_name(name),
        "scale": _SCALE,
        "width": plots_export.WIDTH,
    }
    if height is not None:
        saved["height"] = height
    return {"displaylogo": False, "toImageButtonOptions": saved}


def plain_title(figure: go.Figure) -> str | None:
    """A figure's title as plain text, None where it has none."""
    return plots_export.plain(figure.layout.title.text or "") or None


def _format() -> str:
    chosen = st.session_state.get(_CHOSEN)
    return chosen if chosen in FORMATS else FORMATS[0]


def _inert_column(column: "pd.Series[Any]") -> "pd.Series[Any]":
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return column
    return column.map(export.inert)
