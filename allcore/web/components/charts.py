"""Charts and tables on pages, and their downloads with the research-use notice inside."""

import mimetypes
from collections.abc import Callable
from typing import Any, Literal, cast

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.elements.plotly_chart import PlotlyState, SelectionMode

from allcore import notice
from allcore.inference import export
from allcore.plots import style

FORMATS = ("PNG", "SVG")
NOTICE = "notice"
"""Column of a CSV with the research-use notice."""
_CHOSEN = "format of saved figures"


def show_chart(
    figure: go.Figure,
    *,
    key: str | None = None,
    name: str,
    on_select: Literal["rerun"] | Callable[..., None] | None = None,
    selection_mode: SelectionMode | tuple[SelectionMode, ...] = ("points", "box", "lasso"),
    alt: str | None = None,
) -> PlotlyState | None:
    """Draw a figure that can be saved as an image with the notice inside.

    Args:
        figure: the notice is added below its title, once.
        key: of the element; needed for selections.
        name: of the saved file.
        on_select: as for `st.plotly_chart`; the selection is returned with it alone.
        selection_mode: as for `st.plotly_chart`.
        alt: text for screen readers; by default the title.
    """
    style.add_notice(figure)
    # Saved figures have one width, for at a phone's the letters would be too wide.
    saved = {
        "format": _format().lower(),
        "filename": style.file_name(name),
        "scale": 2,  # pixels of a saved PNG to one of the screen
        "width": style.WIDTH,
    }
    if figure.layout.height is not None:
        saved["height"] = figure.layout.height
    event = st.plotly_chart(
        figure,
        width="stretch",
        theme="streamlit",
        key=key,
        on_select=on_select or "ignore",
        selection_mode=selection_mode,
        config={"displaylogo": False, "toImageButtonOptions": saved},
        alt=alt or style.plain_title(figure.layout.title.text or "") or None,
    )
    return None if on_select is None else cast(PlotlyState, event)


def choose_figure_format() -> str:
    """Draw the control of the format in which figures are saved; return the format."""
    chosen: str = st.radio(
        "Save figures as",
        FORMATS,
        index=FORMATS.index(_format()),
        key=f"{_CHOSEN} (control)",
        horizontal=True,
        help="What the camera in a figure's corner saves: PNG for slides, SVG for print.",
    )
    # Stored under a key without a widget, so that it outlives pages without the control.
    st.session_state[_CHOSEN] = chosen
    return chosen


def show_csv_download(
    table: pd.DataFrame | Callable[[], pd.DataFrame],
    name: str,
    *,
    label: str = "Download as CSV",
    key: str | None = None,
) -> None:
    """Draw the button that downloads a table; the file is made on the click.

    Args:
        table: without its index; or a function that makes it, if that takes time.
        name: of the file, without suffix.
        label: of the button.
        key: needed if a page offers one table twice.
    """
    show_download(
        label,
        lambda: csv_bytes(table() if callable(table) else table),
        f"{style.file_name(name)}.csv",
        key=key or f"download {name}",
    )


def show_download(
    label: str,
    make: Callable[[], bytes],
    file_name: str,
    *,
    key: str | None = None,
    help: str | None = None,
) -> None:
    """Draw the button that downloads a file, which is made on the click."""
    st.download_button(
        label, make, file_name=file_name, mime=mimetypes.guess_type(file_name)[0], help=help,
        icon=":material/download:", on_click="ignore", key=key,
    )  # fmt: skip


def csv_bytes(table: pd.DataFrame) -> bytes:
    """A table as CSV in UTF-8, with the notice as last column and without formulas.

    Text that a spreadsheet would evaluate gets a leading apostrophe; numbers stay as they are.
    """
    safe = table.apply(_inert_column) if len(table.columns) else table.copy()
    safe.columns = pd.Index([str(export.escape_formula(str(name))) for name in table.columns])
    if NOTICE not in safe:
        safe[NOTICE] = notice.RESEARCH_USE
    # Both characters, so that a cell with either of them is quoted and starts no row of its own.
    return safe.to_csv(index=False, lineterminator="\r\n").encode()


def _format() -> str:
    chosen: str = st.session_state.get(_CHOSEN, FORMATS[0])
    return chosen


def _inert_column(column: "pd.Series[Any]") -> "pd.Series[Any]":
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return column
    return column.map(export.escape_formula)
