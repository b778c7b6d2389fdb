"""The map: images that a network sees alike lie together; an area of it becomes a gallery."""

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from allcore import formats, model_folder
from allcore.audit.index import map_neighbours
from allcore.audit.index.catalogue import Catalogue
from allcore.errors import AllScopeError
from allcore.labels import CLASS_NAMES
from allcore.plots import dataset_map
from allcore.plots.dataset_map import Colour
from allcore.web import datasets, frame, guard
from allcore.web.components import chart_selection, map_region, picker, views
from allcore.web.components.charts import chart, table_csv
from allcore.web.dataset import browse_cards, browse_state, cell_window, map_colours
from allcore.web.dataset.context import Context
from allcore.web.dataset.map_colours import Answers

COLOUR = "colour"
"""Key of the control in the address."""
PER_PAGE = 48
NOT_INDEXED = "There is no map yet: it is made with the index of this data set, under Connect data."
NO_EMBEDDINGS = (
    "There is no map: no model was installed when this data set was indexed. Install one, or train "
    "one, and index again under Connect data."
)
METHOD = """
A network's features of each cell are laid out in two dimensions by t-SNE while the data set is
indexed; of a large one {fitted:,} cells are laid out and the others stand among those whose
features are nearest to theirs. What lies together looks alike to the network; distances across the
map mean little. The title compares each cell with its nearest neighbour on the map that is no copy
of it; by chance is what two cells drawn at random would give. Of more than {most:,} cells an evenly
drawn sample is shown, with rare categories whole; an area always holds all its cells.
"""


def show(context: Context) -> None:
    """Draw the view."""
    here = dataset_map.placed(context.table)
    if not here.any():
        _nothing(NO_EMBEDDINGS if context.catalogue.is_indexed else NOT_INDEXED)
        return
    answers = map_colours.answers(context.catalogue, context.split)
    _map(context, answers, here)
    with st.expander("Method"):
        st.markdown(_method(context), width=frame.TEXT_WIDTH)


@guard.fragment  # an area draws the map's part of the page, not all of it
def _map(context: Context, answers: Answers | None, here: NDArray[np.bool_]) -> None:
    by = map_colours.choices(context.catalogue, answers)
    chosen = st.selectbox(
        "Colour by", list(by), format_func=by.__getitem__, key=COLOUR, bind="query-params",
        width=frame.FORM_WIDTH,
    )  # fmt: skip
    colour = map_colours.colour(context.catalogue, answers, chosen)
    title = dataset_map.finding(colour, _neighbours(context.catalogue))
    figure = dataset_map.map_points(context.table, colour, title=title)
    event = chart(
        figure,
        key=chart_selection.key(f"dataset_map_{context.name}"),
        name="dataset-map",
        on_select="rerun",
        selection_mode=("box", "lasso"),
        alt=f"Map of the cells by the network's features. {title}",
    )
    st.caption(f"{_said(context, colour, here)}{learned(context)}", width=frame.TEXT_WIDTH)
    area = chart_selection.area(event, of=context.name)
    if area is not None:
        points = context.table[["map_x", "map_y"]].to_numpy(dtype=np.float64)
        _selected(context, np.flatnonzero(map_region.inside(points, area)), chosen)


def _neighbours(catalogue: Catalogue) -> NDArray[np.intp]:
    return _nearest(catalogue, id(catalogue))[1]


# The result holds the catalogue, so no other object can come to have its id while it is kept.
@st.cache_resource(max_entries=4, show_spinner=False)
def _nearest(_catalogue: Catalogue, key: int) -> tuple[Catalogue, NDArray[np.intp]]:
    return _catalogue, map_neighbours.nearest(_catalogue.table)


def _selected(context: Context, found: NDArray[np.intp], by: str) -> None:
    chart_selection.clear_button()
    rows = context.table.iloc[found]
    st.subheader(f"{formats.count(len(found), 'cell')} selected", anchor=False)
    if not len(found):
        return
    st.markdown(by_class(rows), width=frame.TEXT_WIDTH)
    _ways_on(rows)
    with st.expander("By subject"):
        _subjects(context.table, rows)
    _gallery(context, found, by)


def by_class(rows: pd.DataFrame) -> str:
    """How many of the images there are of each class and of how many subjects, in words."""
    counts = rows.groupby("label").agg(images=("image_id", "size"), subjects=("subject", "nunique"))
    counts = counts.sort_values("images", ascending=False, kind="stable")
    named = [frame.plain(CLASS_NAMES.get(str(label), str(label))) for label in counts.index]
    parts = [
        f"{name}: {images:,} of {formats.count(subjects, 'subject')}"
        for name, (images, subjects) in zip(named, counts.to_numpy(dtype=int), strict=True)
    ]
    return "; ".join(parts) + "."


def by_subject(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """How many of each subject's images are among the rows: subject, class, selected, of, share.

    Args:
        table: all images.
        rows: those selected.
    """
    keys = ["subject", "label"]
    counts = rows.groupby(keys).size().rename("selected").to_frame()
    counts["of"] = table.groupby(keys).size().reindex(counts.index)
    counts["share"] = 100 * counts["selected"] / counts["of"]
    counts = counts.sort_values("selected", ascending=False, kind="stable").reset_index()
    return counts.assign(label=counts["label"].map(lambda name: CLASS_NAMES.get(name, name)))


def learned(context: Context) -> str:
    """That the network learned these very cells, where it did: then classes part by themselves."""
    about = context.catalogue.about
    if about is None or about.model not in model_folder.names():
        return ""
    try:
        trained = (datasets.model_split(context.manifest, about.model) == "train").mean()
    except AllScopeError:  # what its split was, nobody knows
        return ""
    if not trained:
        return ""
    return (
        f" The network was trained on {100 * trained:.0f} % of these cells, so how well classes "
        "lie apart here says nothing about new ones."
    )


def _subjects(table: pd.DataFrame, rows: pd.DataFrame) -> None:
    st.dataframe(
        by_subject(table, rows),
        hide_index=True,
        width=frame.TEXT_WIDTH,
        column_config={
            "subject": "Subject",
            "label": "Class",
            "selected": st.column_config.NumberColumn("Selected", help="Cells inside the area"),
            "of": st.column_config.NumberColumn("Of", help="Cells of the subject"),
            "share": st.column_config.NumberColumn("Share, %", format="%.0f"),
        },
    )


def _ways_on(rows: pd.DataFrame) -> None:
    ids = rows["image_id"].astype(str).tolist()
    with st.container(horizontal=True):
        if st.button(
            "Open in Browse",
            icon=":material/grid_view:",
            on_click=browse_state.ask,
            kwargs={"only": ids, "said": "An area of the map"},
        ):
            st.rerun()  # of the whole page: another view is asked for
        hidden = [each for each in ("indexed", "mtime_ns", "family") if each in rows]
        table_csv(rows.drop(columns=hidden), "map-selection", label="Save the selection as CSV")


def _gallery(context: Context, found: NDArray[np.intp], by: str) -> None:
    pages = -(-len(found) // PER_PAGE)
    number = st.pagination(pages, key=f"dataset_map_page_{pages}") if pages > 1 else 1
    first = (number - 1) * PER_PAGE
    rows = context.table.iloc[found[first : first + PER_PAGE]]
    st.caption(f"{first + 1:,} to {first + len(rows):,} of {formats.count(len(found), 'cell')}")
    cards = browse_cards.cards(rows, synthetic=context.synthetic, measure=by)
    opened = picker.show(cards, browse_cards.sources(context, rows), key="dataset_map_cells")
    if opened is not None:
        order = context.table["image_id"].iloc[found].astype(str).tolist()
        cell_window.open_cell(context, opened, order)


def _said(context: Context, colour: Colour, here: NDArray[np.bool_]) -> str:
    """What is drawn, what is not, and what can be done."""
    known = int((here & colour.values.notna().to_numpy()).sum())
    shown = len(dataset_map.drawn(context.table, colour))
    said = f"{formats.count(known, 'cell')} on the map"
    if shown < known:
        said += f", of which {shown:,} are drawn"
    without, unknown = len(here) - int(here.sum()), int(here.sum()) - known
    if without:
        said += f"; {formats.count(without, 'image')} without a place on it"
    if unknown:
        said += f"; of {unknown:,} nothing is known of what it is coloured by"
    return f"{said}. Draw around cells with the lasso or the box to see them below."


def _method(context: Context) -> str:
    from allcore.audit.index.embeddings import FITTED

    said = METHOD.format(fitted=FITTED, most=dataset_map.MOST)
    about = context.catalogue.about
    model = frame.plain(about.model) if about is not None and about.model else ""
    return said + (f"\nThe features are of {model}." if model else "")


def _nothing(sentence: str) -> None:
    st.info(sentence, icon=":material/map:", width=frame.TEXT_WIDTH)
    st.button(
        "Connect data", icon=":material/folder_open:", on_click=views.turn_to, args=("connect",)
    )
