"""2-D map of the cells by the network's features; an area drawn on it becomes a gallery."""

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from allcore import formats
from allcore.data.cell_measurements import MEASURES
from allcore.plots.evaluation import errors as error_plots
from allcore.web import frame, guard
from allcore.web.components import chart_area
from allcore.web.components.charts import show_chart
from allcore.web.evaluation import cell_lists, slices_view
from allcore.web.evaluation.context import Context

COLOUR = "colour"
"""Key of the control in the address."""
NO_FILE_MAP = "There is no map: predictions in a file bring no embeddings; a model folder does."
NO_MODEL_MAP = "There is no map: this model's folder holds no `embeddings.npz`; training writes it."
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
    colour = st.segmented_control(
        "Colour by", list(by), default="outcome", required=True,
        format_func=by.__getitem__, key=COLOUR, bind="query-params", wrap=True,
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
    st.caption(
        "Neighbours on the map have like features in the network's last layer. Draw around cells "
        "with the lasso or the box to see them below.",
        width=frame.TEXT_WIDTH,
    )
    polygon = chart_area.current_area(event, of=context.source.key)
    if polygon is not None:
        _show_selection(context, np.flatnonzero(chart_area.points_inside(place, polygon)))


def _show_selection(context: Context, indices: NDArray[np.intp]) -> None:
    wrong = context.wrong[indices]
    chart_area.show_clear_button()
    st.subheader(
        f"{formats.count(len(indices), 'cell')} selected, {int(wrong.sum()):,} called wrongly",
        anchor=False,
    )
    if st.toggle("Only those called wrongly", key="only_wrong", bind="query-params"):
        indices = indices[wrong]
    slices_view.show_save_form(context, indices)
    cell_lists.show_cells(context, indices, key="map_cells")


def _table(context: Context, place: NDArray[np.float64], by: str) -> pd.DataFrame:
    table = context.table[["image_id", "subject", "label"]].assign(
        x=place[:, 0], y=place[:, 1], outcome=context.outcomes
    )
    if by not in _BY and context.facts is not None:
        table[by] = context.facts[by]
    return table
