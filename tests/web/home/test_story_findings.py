import numpy as np
import pandas as pd

from allcore.web.home.story_findings import StoryCells

CELLS = (
    ("all", 0.97), ("all", 0.9), ("all", 0.6), ("all", 0.02), ("all", 0.3),
    ("hem", 0.03), ("hem", 0.1), ("hem", 0.2), ("hem", 0.96), ("hem", 0.99),
)  # fmt: skip


def cells(*, shown: tuple[int, ...] = (), wrong: tuple[int, ...] | None = None) -> StoryCells:
    """Cells named by their place; `shown` have a picture, all where empty."""
    table = pd.DataFrame(CELLS, columns=["label", "probability"])
    table.insert(0, "image_id", [f"c{place}" for place in range(len(table))])
    true = None
    if wrong is not None:
        opposite = table["label"].map({"all": "hem", "hem": "all"})
        true = opposite.where(table.index.isin(wrong), table["label"])
        true.index = pd.Index(table["image_id"])
    seen = np.isin(np.arange(len(table)), shown or range(len(table)))
    return StoryCells(table, 0.5, seen, true)


def image_id(row: "pd.Series[str] | None") -> str:
    assert row is not None
    return str(row["image_id"])


def test_right_answer__is_the_median_blast() -> None:
    assert image_id(cells().right_answer()) == "c1"
    assert image_id(cells(shown=(6,)).right_answer()) == "c6"
    assert cells(shown=(9,)).right_answer() is None


def test_confident_error__is_of_a_normal_cell_and_of_no_planted_label() -> None:
    assert image_id(cells().confident_error()) == "c9"
    assert image_id(cells(wrong=(9,)).confident_error()) == "c8"
    assert image_id(cells(shown=(3,)).confident_error()) == "c3"
    assert cells(shown=(0,)).confident_error() is None


def test_wrong_label__is_known_of_synthetic_cells_alone() -> None:
    synthetic, real = cells(wrong=(9,)), cells()
    assert image_id(synthetic.wrong_label()) == "c9"
    assert "planted among them" in synthetic.label_sentence("c9")
    assert "It was drawn as ALL blast" in synthetic.label_sentence("c9")
    assert image_id(real.wrong_label()) == "c3"
    assert "Blind review decides" in real.label_sentence("c3")
    assert cells(wrong=()).wrong_label() is None


def test_sentences__have_counts_and_intervals() -> None:
    assert cells().correct_sentence.startswith("6 of 10 (60 %, 95 % interval ")
    assert "3 of 5 (60 %" in cells().confident_sentence
