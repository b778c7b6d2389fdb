import pandas as pd

from allcore.web.home import typical_answers


def table(*cells: tuple[str, float]) -> pd.DataFrame:
    return pd.DataFrame(
        {"image_id": f"cell {number}", "label": label, "probability": probability}
        for number, (label, probability) in enumerate(cells)
    )


def test_choose__median_of_each_kind() -> None:
    cells = table(
        ("all", 0.6), ("all", 0.9), ("all", 0.8), ("hem", 0.1), ("hem", 0.7), ("all", 0.2)
    )  # fmt: skip
    chosen = typical_answers.choose(cells, 0.5)
    assert [cell["image_id"] for cell in chosen] == ["cell 2", "cell 3", "cell 4"]


def test_choose__leaves_out_kinds_that_are_missing() -> None:
    chosen = typical_answers.choose(table(("all", 0.9), ("all", 0.2)), 0.5)
    assert [cell["image_id"] for cell in chosen] == ["cell 0", "cell 1"]
    assert typical_answers.choose(table(("all", 0.9)).iloc[:0], 0.5) == []
