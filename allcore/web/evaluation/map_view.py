"""2-D map of the cells by the network's features; an area drawn on it becomes a gallery."""

import functools

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from allcore import formats
from allcore.data.cell_measurements import MEASURES
from allcore.data.thumbnails import ImageSource
from allcore.plots.evaluation import errors as error_plots
from allcore.web import guard
from allcore.web.components import chart_area, map_preview, picker
from allcore.web.components.charts import show_chart
from allcore.web.evaluation import cell_dialog, cell_lists, slices_view
from allcore.web.evaluation.context import Context

COLOUR = "colour"
"""Key of the control in the address."""
NO_FILE_MAP = "There is no map: predictions in a file bring no embeddings; a model folder does."
NO_MODEL_MAP = "There is no map: this model's folder holds no `embeddings.npz`; training writes it."
_PER_PAGE, _AROUND = 8, 12
"""Cells beside the map, and pictures that are sent at once of the cells around a point."""
_BY = {"outcome": "Outcome", "label": "Label", "subject": "Subject"}


def show_map(context: Context) -> None:
    """Draw the view."""
    place = context.map_points
    if place is None:
        reason = NO_FILE_MAP if context.source.folder is None else NO_MODEL_MAP
        st.info(reason, icon=":material/map:")
        return
    by = dict(_BY)
    if context.facts is not None:
        by |= {fact.name: fact.title for fact in MEASURES}
    _show_points(context, place, by)


@guard.fragment  # a selection draws the map's part of the page, not all of it
def _show_points(context: Context, place: NDArray[np.float64], by: dict[str, str]) -> None:
    points, cells = st.columns([3, 2], gap="medium")
    with points:
        colour = st.selectbox(
            "Colour by", list(by), format_func=by.__getitem__, key=COLOUR, bind="query-params",
            width=280, label_visibility="collapsed",
        )  # fmt: skip
        event = show_chart(
            error_plots.cell_map(
                _table(context, place, colour), colour, colour if colour in _BY else "quality"
            ),
            key=chart_area.chart_key(f"map_{context.source.key}_{context.split}"),
            name="map",
            on_select="rerun",
            selection_mode=("box", "lasso"),
            alt="Map of the cells by the network's features",
        )
        map_preview.show_preview(
            functools.partial(_sources_near, context, place),
            functools.partial(_open_point, context),
            synthetic=context.source.synthetic,
            key="map_preview",
        )
    with cells:
        polygon = chart_area.current_area(event, of=context.source.key)
        if polygon is None:
            _show_errors(context)
        else:
            _show_selection(context, np.flatnonzero(chart_area.points_inside(place, polygon)))


def _sources_near(
    context: Context, place: NDArray[np.float64], image_id: str
) -> dict[str, ImageSource]:
    """Thumbnail sources of a cell and of those around it; none for an unknown id."""
    ids = context.table["image_id"].astype(str).to_numpy()
    known = np.flatnonzero(ids == image_id)
    if not len(known):
        return {}
    distances = np.nan_to_num(((place - place[known[0]]) ** 2).sum(axis=1), nan=np.inf)
    near = ids[np.argsort(distances, kind="stable")[:_AROUND]].tolist()
    return dict(zip(near, context.images.sources(near), strict=True))


def _open_point(context: Context, image_id: str) -> None:
    if image_id in set(context.table["image_id"].astype(str)):
        cell_dialog.open_cell(context, image_id, [image_id])


def _show_errors(context: Context) -> None:
    """Draw the cells that stand beside the map until an area is drawn."""
    st.markdown(
        "**Most confident errors.** Draw around cells with the lasso or the box to see them here; "
        "neighbours have like features in the network's last layer."
    )
    errors = cell_lists.list_cells(context, "confident_errors")
    _show_cells(context, errors)


def _show_selection(context: Context, indices: NDArray[np.intp]) -> None:
    wrong = context.wrong[indices]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{formats.count(len(indices), 'cell')} selected, {int(wrong.sum()):,} predicted "
            "wrongly**",
            width="content",
        )
        chart_area.show_clear_button()
    if st.toggle("Only those predicted wrongly", key="only_wrong", bind="query-params"):
        indices = indices[wrong]
    _show_cells(context, indices)
    slices_view.show_save_form(context, indices)


def _show_cells(context: Context, indices: NDArray[np.intp]) -> None:
    cell_lists.show_cells(context, indices, key="map_cells", per_page=_PER_PAGE, size=picker.SMALL)


def _table(context: Context, place: NDArray[np.float64], by: str) -> pd.DataFrame:
    table = context.table[["image_id", "subject", "label"]].assign(
        x=place[:, 0], y=place[:, 1], outcome=context.outcomes
    )
    if by not in _BY and context.facts is not None:
        table[by] = context.facts[by]
    return table
