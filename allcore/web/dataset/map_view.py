"""2-D map of a network's features of the images, with a gallery of an area beside it."""

import functools

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from allcore import formats, model_folder
from allcore.audit.index import embeddings, queries
from allcore.audit.index.catalogue import Catalogue
from allcore.data.thumbnails import ImageSource
from allcore.errors import AllScopeError
from allcore.labels import CLASS_NAMES
from allcore.plots import dataset_map, style
from allcore.plots.dataset_map import Colour
from allcore.web import datasets, frame, guard
from allcore.web.components import chart_area, map_preview, picker
from allcore.web.components.charts import show_chart, show_csv_download
from allcore.web.dataset import (
    browse_filters,
    cell_window,
    connect_index,
    held_out_answers,
    image_cards,
)
from allcore.web.dataset.context import DatasetContext, computed
from allcore.web.dataset.held_out_answers import ImagePredictions

COLOUR = "colour"
"""Key of the control in the address."""
PER_PAGE = 24
_HEIGHT = 640  # pixels of the column beside the map
_AROUND = 16  # cells around the one under the pointer whose thumbnails are sent along
NO_EMBEDDINGS = (
    "There is no map: no model was installed when this data set was indexed. Install or train one, "
    "then index again."
)
SELECT = (
    "Draw around cells with the lasso or the box: they appear here. Point at a cell to see it, "
    "click to open it."
)
METHOD = """
A network's features of each cell are laid out in two dimensions by t-SNE while the data set is
indexed; of a large one {fitted:,} cells are laid out and the others stand among those whose
features are nearest to theirs. What lies together looks alike to the network; distances across the
map mean little. The title compares each cell with its nearest neighbour on the map that is no copy
of it; by chance is what two cells drawn at random would give. Of more than {most:,} cells an evenly
drawn sample is shown, with rare categories whole; an area always holds all its cells. A map that is
a flat band is stretched to fill its place.
"""
_RECORDED = {"label": "Class", "subject": "Subject", "split": "Split", "fold": "Fold"}
_COPIES = {
    "one": "In one image", "copied": "In several images", "across": "Under several subjects",
}  # fmt: skip
_BORDER = {"True": "Touches the border", "False": "Lies inside"}
_RIGHT = {"right": "Correct", "wrong": "Wrong"}
_RIGHT_STYLES = {
    "right": (style.REFUSED, "circle", 4, 0.35), "wrong": (style.BLAST, "x", 7, 0.9),
}  # fmt: skip


def show_map(context: DatasetContext) -> None:
    """Draw the view."""
    placed = dataset_map.has_map_place(context.table)
    if not placed.any():
        if context.catalogue.is_indexed:
            frame.info(NO_EMBEDDINGS, icon=":material/map:")
        connect_index.show_missing(context, "The map")
        return
    _show_map(context, placed)
    with st.expander("Method"):
        method = METHOD.format(fitted=embeddings.FITTED, most=dataset_map.MOST)
        about = context.catalogue.about
        if about is not None and about.model:
            method += f"\nThe features are of {frame.plain(about.model)}."
        frame.markdown(method)


def colour_choices(catalogue: Catalogue, predictions: ImagePredictions | None) -> dict[str, str]:
    """Titles of the columns that differ between images, by key."""
    table = catalogue.table

    def vary(titles: dict[str, str]) -> dict[str, str]:
        return {
            key: title for key, title in titles.items() if key in table and table[key].nunique() > 1
        }

    choices = vary(_RECORDED)
    if bool((table["copies"] > 1).any()):
        choices["copies"] = "Copies"
    if predictions is not None:
        choices |= {"probability": "Probability of ALL blast", "right": "Prediction"}
    choices |= vary({"border": "Touches the border"})
    choices |= vary({key: fact.title for key, fact in catalogue.shelf.measures.items()})
    return choices or {"label": _RECORDED["label"]}


def map_colour(catalogue: Catalogue, predictions: ImagePredictions | None, key: str) -> Colour:
    """The values of one of `colour_choices`, with how to draw them."""
    table = catalogue.table
    if key in queries.MEASURES:
        fact = queries.MEASURES[key]
        return Colour(fact.title.split(" (")[0], "number", table[key].astype(float), unit=fact.unit)
    if key == "copies":
        kinds = np.where(table["copies"] > 1, "copied", "one").astype(object)
        kinds[catalogue.shelf.shared] = "across"
        return Colour("Copies", "category", pd.Series(kinds, index=table.index), _COPIES)
    if key == "border":
        values = table["border"].map({True: "True", False: "False"})
        return Colour("Touching the border", "category", values, _BORDER)
    if predictions is not None and key == "probability":
        return Colour("Probability of ALL blast", "number", predictions.probability)
    if predictions is not None and key == "right":
        return Colour("Prediction", "category", predictions.outcomes(table["label"]), _RIGHT,
                      styles=_RIGHT_STYLES)  # fmt: skip
    title, values = _RECORDED[key], table[key]
    if key == "label":
        return Colour(title, "label", values, CLASS_NAMES)
    many = values.nunique() > dataset_map.MOST_CATEGORIES
    return Colour(title, "subject" if key == "subject" or many else "category", values)


def class_sentence(rows: pd.DataFrame) -> str:
    """Number of images and subjects of each class."""
    counts = rows.groupby("label").agg(images=("image_id", "size"), subjects=("subject", "nunique"))
    counts = counts.sort_values("images", ascending=False, kind="stable")
    names = [frame.plain(CLASS_NAMES.get(str(label), str(label))) for label in counts.index]
    parts = [
        f"{name}: {images:,} of {formats.count(subjects, 'subject')}"
        for name, (images, subjects) in zip(names, counts.to_numpy(dtype=int), strict=True)
    ]
    return "; ".join(parts) + "."


def subject_table(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Selected images by subject and class: columns subject, label, selected, of, share (%).

    Args:
        table: all images.
        rows: the selected ones.
    """
    keys = ["subject", "label"]
    counts = rows.groupby(keys).size().rename("selected").to_frame()
    counts["of"] = table.groupby(keys).size().reindex(counts.index)
    counts["share"] = 100 * counts["selected"] / counts["of"]
    counts = counts.sort_values("selected", ascending=False, kind="stable").reset_index()
    return counts.assign(label=counts["label"].map(lambda name: CLASS_NAMES.get(name, name)))


def training_note(context: DatasetContext) -> str:
    """Warning that the network was trained on these images, which parts classes by itself.

    Empty where it was not, or where its split is unknown.
    """
    about = context.catalogue.about
    if about is None or about.model not in model_folder.names():
        return ""
    try:
        share = (datasets.model_split(context.manifest, about.model) == "train").mean()
    except AllScopeError:
        return ""
    if not share:
        return ""
    return (
        f" The network was trained on {100 * share:.0f} % of these cells, so how well classes "
        "lie apart here says nothing about new ones."
    )


@guard.fragment  # an area redraws this part of the page alone
def _show_map(context: DatasetContext, placed: NDArray[np.bool_]) -> None:
    predictions = held_out_answers.load_predictions(
        context.table, context.split, synthetic=context.synthetic
    )
    choices = computed(colour_choices, context.catalogue, predictions)
    key = st.selectbox(
        "Colour by", list(choices), format_func=choices.__getitem__, key=COLOUR,
        bind="query-params", width=frame.FORM_WIDTH,
    )  # fmt: skip
    colour = computed(map_colour, context.catalogue, predictions, key)
    neighbours = computed(embeddings.nearest_on_map, context.table)
    points = context.table[["map_x", "map_y"]].to_numpy(dtype=np.float64)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        title = computed(dataset_map.neighbours_text, colour, neighbours)
        rows = computed(dataset_map.sampled_rows, context.table, colour)
        event = show_chart(
            dataset_map.map_points(context.table, colour, title=title, rows=rows),
            key=chart_area.chart_key(f"dataset_map_{context.name}"),
            name="dataset-map",
            on_select="rerun",
            selection_mode=("box", "lasso"),
            alt=f"Map of the cells by the network's features. {title}",
        )
        map_preview.show_preview(
            functools.partial(sources_near, context, points),
            functools.partial(_open_point, context),
            synthetic=context.synthetic,
            key="dataset_map_preview",
        )
        st.caption(f"{_caption(colour, placed, len(rows))}{training_note(context)}")
    area = chart_area.current_area(event, of=context.name)
    with right.container(height=_HEIGHT, border=False):
        if area is not None:
            inside = chart_area.points_inside(points, area)
            _show_selection(context, np.flatnonzero(inside), key)
        else:
            _show_among_others(context, neighbours)


def sources_near(
    context: DatasetContext, points: NDArray[np.float64], image_id: str
) -> dict[str, ImageSource]:
    """Thumbnail sources of a cell and of those around it on the map."""
    places = context.catalogue.shelf.places([image_id])
    if not len(places):
        return {}
    distances = np.nan_to_num(((points - points[places[0]]) ** 2).sum(axis=1), nan=np.inf)
    rows = context.table.iloc[np.argsort(distances, kind="stable")[:_AROUND]]
    sources = image_cards.thumbnail_sources(context, rows)
    return dict(zip(rows["image_id"].astype(str), sources, strict=True))


def _open_point(context: DatasetContext, image_id: str) -> None:
    cell_window.open_cell(context, image_id, [image_id])


def _show_among_others(context: DatasetContext, neighbours: NDArray[np.intp]) -> None:
    """Draw the cells whose neighbour on the map has the other class, while no area is drawn."""
    places = computed(_among_others, context.table, neighbours)
    st.markdown(SELECT)
    if not len(places):
        return
    st.markdown(f"**{formats.count(len(places), 'cell')} beside a cell of the other class**")
    _show_cells(context, places, key="dataset_map_others")


def _among_others(table: pd.DataFrame, neighbours: NDArray[np.intp]) -> NDArray[np.intp]:
    """Rows of the cells whose neighbour on the map has the other class."""
    codes = pd.Categorical(table["label"], categories=list(CLASS_NAMES)).codes
    known = (neighbours >= 0) & (codes >= 0)
    known[known] &= codes[neighbours[known]] >= 0
    differ = codes[known] != codes[neighbours[known]]
    return np.asarray(np.flatnonzero(known)[differ], dtype=np.intp)


def _show_cells(
    context: DatasetContext, places: NDArray[np.intp], *, key: str, measure: str = ""
) -> None:
    page = places[picker.choose_page(len(places), PER_PAGE, key=key)]
    rows = context.table.iloc[page]
    opened = image_cards.show_images(
        context, rows, key=f"{key}_cells", measure=measure, size=picker.SMALL
    )
    if opened is not None:
        cell_window.open_row(context, opened, places)


def _show_selection(context: DatasetContext, places: NDArray[np.intp], colour_key: str) -> None:
    rows = context.table.iloc[places]
    st.subheader(f"{formats.count(len(places), 'cell')} selected", anchor=False)
    if not len(places):
        chart_area.show_clear_button()
        return
    st.markdown(class_sentence(rows))
    with st.container(horizontal=True):
        if st.button(
            "Open in Browse",
            icon=":material/grid_view:",
            on_click=browse_filters.open_browse,
            kwargs={
                "only": rows["image_id"].astype(str).tolist(), "label": "An area of the map",
            },
        ):  # fmt: skip
            st.rerun()  # the whole page, to turn to the other view
        internal = [name for name in ("indexed", "mtime_ns", "family") if name in rows]
        show_csv_download(rows.drop(columns=internal), "map-selection", label="Download as CSV")
        chart_area.show_clear_button()
    _show_cells(context, places, key="dataset_map", measure=colour_key)
    number = st.column_config.NumberColumn
    with st.expander("By subject"):
        st.dataframe(
            subject_table(context.table, rows),
            hide_index=True,
            column_config={
                "subject": "Subject",
                "label": "Class",
                "selected": number("Selected", help="Cells inside the area"),
                "of": number("Of", help="Cells of the subject"),
                "share": number("Share, %", format="%.0f"),
            },
        )


def _caption(colour: Colour, placed: NDArray[np.bool_], sampled: int) -> str:
    coloured = int((placed & colour.values.notna().to_numpy()).sum())
    caption = f"{formats.count(coloured, 'cell')} on the map"
    if sampled < coloured:
        caption += f", of which {sampled:,} are drawn"
    on_map = int(placed.sum())
    if on_map < len(placed):
        without = formats.count(len(placed) - on_map, "image")
        caption += f"; {without} without a place on it"
    if coloured < on_map:
        caption += f"; of {on_map - coloured:,} nothing is known of what it is coloured by"
    return f"{caption}."
