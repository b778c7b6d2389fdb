"""2-D map of a network's features of the images; an area drawn on it becomes a gallery."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from allcore import formats, model_folder
from allcore.audit.index import embeddings, queries
from allcore.audit.index.catalogue import Catalogue
from allcore.errors import AllScopeError
from allcore.labels import CLASS_NAMES
from allcore.plots import dataset_map, style
from allcore.plots.dataset_map import Colour
from allcore.web import datasets, frame, guard
from allcore.web.components import chart_area, picker, views
from allcore.web.components.charts import show_chart, show_csv_download
from allcore.web.dataset import browse_filters, cell_window, held_out_answers, image_cards
from allcore.web.dataset.context import DatasetContext

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
_RECORDED = {"label": "Class", "subject": "Subject", "split": "Split", "fold": "Fold"}
_COPIES = {
    "one": "In one image", "copied": "In several images", "across": "Under several subjects",
}  # fmt: skip
_BORDER = {"True": "Touches the border", "False": "Lies inside"}
_RIGHT = {"right": "Called rightly", "wrong": "Called wrongly"}
_RIGHT_STYLES = {
    "right": (style.REFUSED, "circle", 4, 0.35), "wrong": (style.BLAST, "x", 7, 0.9),
}  # fmt: skip


class MapPredictions(NamedTuple):
    """Held-out predictions for the images of a catalogue."""

    probability: "pd.Series[float]"  # (N,) of ALL blast, NaN without a prediction
    threshold: float  # from which the model calls an ALL blast


def show_map(context: DatasetContext) -> None:
    """Draw the view."""
    placed = dataset_map.has_map_place(context.table)
    if not placed.any():
        reason = NO_EMBEDDINGS if context.catalogue.is_indexed else NOT_INDEXED
        st.info(reason, icon=":material/map:", width=frame.TEXT_WIDTH)
        st.button(
            "Connect data", icon=":material/folder_open:", on_click=views.turn_to, args=("connect",)
        )
        return
    _show_map(context, placed)
    with st.expander("Method"):
        method = METHOD.format(fitted=embeddings.FITTED, most=dataset_map.MOST)
        about = context.catalogue.about
        if about is not None and about.model:
            method += f"\nThe features are of {frame.plain(about.model)}."
        st.markdown(method, width=frame.TEXT_WIDTH)


def load_predictions(catalogue: Catalogue, split: str) -> MapPredictions | None:
    """Held-out predictions of the model whose split is shown, else of the default model.

    None without such a model, or where it knows no image of the data set.
    """
    answers = held_out_answers.load_answers(split)
    if answers is None:
        return None
    probability = answers.probabilities(catalogue.table["image_id"])
    if probability.isna().all():
        return None
    return MapPredictions(probability, answers.model.info.threshold)


def colour_choices(catalogue: Catalogue, predictions: MapPredictions | None) -> dict[str, str]:
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
        choices |= {"probability": "Probability of ALL blast", "right": "Right or wrong"}
    choices |= vary({"border": "Touches the border"})
    choices |= vary({key: fact.title for key, fact in catalogue.shelf.measures.items()})
    return choices or {"label": _RECORDED["label"]}


def map_colour(catalogue: Catalogue, predictions: MapPredictions | None, key: str) -> Colour:
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
        return Colour("Right or wrong", "category", _right_or_wrong(table, predictions), _RIGHT,
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
    predictions = load_predictions(context.catalogue, context.split)
    choices = colour_choices(context.catalogue, predictions)
    key = st.selectbox(
        "Colour by", list(choices), format_func=choices.__getitem__, key=COLOUR,
        bind="query-params", width=frame.FORM_WIDTH,
    )  # fmt: skip
    colour = map_colour(context.catalogue, predictions, key)
    neighbours = _nearest(context.catalogue, id(context.catalogue))[1]
    title = dataset_map.neighbours_text(colour, neighbours)
    event = show_chart(
        dataset_map.map_points(context.table, colour, title=title),
        key=chart_area.chart_key(f"dataset_map_{context.name}"),
        name="dataset-map",
        on_select="rerun",
        selection_mode=("box", "lasso"),
        alt=f"Map of the cells by the network's features. {title}",
    )
    caption = f"{_caption(context, colour, placed)}{training_note(context)}"
    st.caption(caption, width=frame.TEXT_WIDTH)
    area = chart_area.current_area(event, of=context.name)
    if area is not None:
        points = context.table[["map_x", "map_y"]].to_numpy(dtype=np.float64)
        _show_selection(context, np.flatnonzero(chart_area.points_inside(points, area)), key)


# The result holds the catalogue, so no other object gets its id while it is cached.
@st.cache_resource(max_entries=4, show_spinner=False)
def _nearest(_catalogue: Catalogue, key: int) -> tuple[Catalogue, NDArray[np.intp]]:
    return _catalogue, embeddings.nearest_on_map(_catalogue.table)


def _show_selection(context: DatasetContext, places: NDArray[np.intp], colour_key: str) -> None:
    chart_area.show_clear_button()
    rows = context.table.iloc[places]
    st.subheader(f"{formats.count(len(places), 'cell')} selected", anchor=False)
    if not len(places):
        return
    st.markdown(class_sentence(rows), width=frame.TEXT_WIDTH)
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
        show_csv_download(
            rows.drop(columns=internal), "map-selection", label="Save the selection as CSV"
        )
    number = st.column_config.NumberColumn
    with st.expander("By subject"):
        st.dataframe(
            subject_table(context.table, rows),
            hide_index=True,
            width=frame.TEXT_WIDTH,
            column_config={
                "subject": "Subject",
                "label": "Class",
                "selected": number("Selected", help="Cells inside the area"),
                "of": number("Of", help="Cells of the subject"),
                "share": number("Share, %", format="%.0f"),
            },
        )
    page = rows[picker.choose_page(len(rows), PER_PAGE, key="dataset_map")]
    opened = image_cards.show_images(context, page, key="dataset_map_cells", measure=colour_key)
    if opened is not None:
        cell_window.open_row(context, opened, places)


def _caption(context: DatasetContext, colour: Colour, placed: NDArray[np.bool_]) -> str:
    coloured = int((placed & colour.values.notna().to_numpy()).sum())
    sampled = len(dataset_map.sampled_rows(context.table, colour))
    caption = f"{formats.count(coloured, 'cell')} on the map"
    if sampled < coloured:
        caption += f", of which {sampled:,} are drawn"
    on_map = int(placed.sum())
    if on_map < len(placed):
        without = formats.count(len(placed) - on_map, "image")
        caption += f"; {without} without a place on it"
    if coloured < on_map:
        caption += f"; of {on_map - coloured:,} nothing is known of what it is coloured by"
    return f"{caption}. Draw around cells with the lasso or the box to see them below."


def _right_or_wrong(table: pd.DataFrame, predictions: MapPredictions) -> "pd.Series[Any]":
    """``right`` or ``wrong`` for labelled images with a prediction; None for others."""
    known = table["label"].isin(CLASS_NAMES) & predictions.probability.notna()
    called = np.where(predictions.probability >= predictions.threshold, "all", "hem")
    values = pd.Series(np.where(called == table["label"], "right", "wrong"), index=table.index)
    return values.astype(object).where(known, None)
