import json

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from allcore.audit.index import embeddings
from allcore.labels import CLASS_NAMES
from allcore.plots import dataset_map, style
from allcore.plots.dataset_map import Colour


def made(count: int) -> pd.DataFrame:
    """Cells on two far islands: blasts of one on the left, normal cells on the right."""
    random = np.random.default_rng(0)
    left = np.arange(count) % 2 == 0
    return pd.DataFrame(
        {
            "image_id": [f"cell-{number}" for number in range(count)],
            "label": np.where(left, "all", "hem"),
            "subject": (np.arange(count) % 6).astype(str),
            "family": np.arange(count),
            "map_x": (random.normal(size=count) + np.where(left, -50, 50)).astype(np.float32),
            "map_y": random.normal(size=count).astype(np.float32),
            "area": np.where(left, 100.0, 200.0) + random.normal(size=count),
        }
    )


@pytest.fixture
def table() -> pd.DataFrame:
    return made(60)


def colours(table: pd.DataFrame) -> dict[str, Colour]:
    thirds = pd.Series(np.arange(len(table)) % 3).map({0: "a", 1: "b", 2: "c"})
    return {
        "label": Colour("Class", "label", table["label"], CLASS_NAMES),
        "subject": Colour("Subject", "subject", table["subject"]),
        "fold": Colour("Fold", "category", thirds),
        "area": Colour("Area", "number", table["area"], unit="px"),
    }


def drawn_ids(figure: go.Figure) -> list[str]:
    return sorted(np.concatenate([np.asarray(trace.customdata) for trace in figure.data]))


@pytest.mark.parametrize("key", ["label", "subject", "fold", "area"])
def test_map_points__every_cell_once_and_ready_for_a_lasso(table: pd.DataFrame, key: str) -> None:
    figure = dataset_map.map_points(table, colours(table)[key], title="Found")
    assert drawn_ids(figure) == sorted(table["image_id"])
    assert figure.layout.dragmode == "lasso"
    assert figure.layout.title.text == "Found"


def test_map_points__leaves_out_what_has_no_place_or_no_value(table: pd.DataFrame) -> None:
    table["map_x"] = table["map_x"].mask(table.index < 3)
    colour = Colour("Area", "number", table["area"].mask(table.index > 50))
    figure = dataset_map.map_points(table, colour, title="")
    assert drawn_ids(figure) == sorted(table["image_id"][3:51])


def test_map_points__labels_keep_their_colours_beside_cells_without_one(
    table: pd.DataFrame,
) -> None:
    labels = table["label"].mask(table.index < 2, "no label")
    colour = Colour("Class", "label", labels, CLASS_NAMES)
    figure = dataset_map.map_points(table, colour, title="")
    shown = {trace.name.split(" (")[0]: trace.marker.color for trace in figure.data}
    assert shown == {
        "ALL blast": style.BLAST, "normal": style.NORMAL, "no label": style.REFUSED,
    }  # fmt: skip


def test_map_points__the_most_frequent_category_lies_below(table: pd.DataFrame) -> None:
    colour = Colour("Copies", "category", pd.Series(["one"] * 50 + ["more"] * 10))
    figure = dataset_map.map_points(table, colour, title="")
    assert [len(trace.x) for trace in figure.data] == [50, 10]
    assert len({trace.marker.symbol for trace in figure.data}) == 2


def test_map_points__a_hundred_thousand_cells_stay_small() -> None:
    table = made(100_000)
    rare = pd.Series(np.where(np.arange(len(table)) < 7, "rare", "usual"))
    for colour in (*colours(table).values(), Colour("Kind", "category", rare)):
        figure = dataset_map.map_points(table, colour, title="")
        assert len(drawn_ids(figure)) == dataset_map.MOST
        assert len(figure.to_json()) < 1_500_000
        assert all(trace.type == "scattergl" for trace in figure.data)
    assert {trace.name for trace in figure.data} == {"rare (7)", "usual (19,993)"}


def test_map_points__is_the_same_figure_each_time() -> None:
    table = made(30_000)
    made_twice = [
        json.loads(dataset_map.map_points(table, colours(table)["label"], title="").to_json())
        for _ in range(2)
    ]
    assert made_twice[0] == made_twice[1]


def test_finding__says_how_far_neighbours_are_alike(table: pd.DataFrame) -> None:
    neighbours = embeddings.nearest_on_map(table)
    said = dataset_map.neighbours_text(colours(table)["label"], neighbours)
    assert said == "Class: the same for 100 % of neighbours on the map, 50 % by chance"
    said = dataset_map.neighbours_text(colours(table)["area"], neighbours)
    assert said.startswith("Area: rank correlation of neighbours on the map 0.")


def test_finding__nothing_known(table: pd.DataFrame) -> None:
    nobody = np.full(len(table), -1)
    assert dataset_map.neighbours_text(colours(table)["label"], nobody) == (
        "Class of the cells on the map"
    )
    constant = Colour("Area", "number", pd.Series(np.ones(len(table))))
    assert "cells on the map" in dataset_map.neighbours_text(
        constant, embeddings.nearest_on_map(table)
    )


@pytest.mark.parametrize(("height", "anchor"), [(1.0, "x"), (0.1, None)])
def test_map_points__a_flat_band_fills_the_plot(height: float, anchor: str | None) -> None:
    table = pd.DataFrame(
        {
            "image_id": ["a", "b", "c"], "map_x": [0.0, 1.0, 0.5], "map_y": [0.0, height, 0.0],
            "label": ["all", "hem", "all"],
        }
    )  # fmt: skip
    colour = dataset_map.Colour("Class", "label", table["label"])
    figure = dataset_map.map_points(table, colour, title="T")
    assert figure.layout.yaxis.scaleanchor == anchor
