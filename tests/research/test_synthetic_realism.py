import numpy as np
import pandas as pd
import pytest

from allcore.research import synthetic_realism
from allcore.synthetic.appearance import MEASURES


def table(shift: float = 0.0) -> pd.DataFrame:
    """Two subjects a class, three cells each: means 0 and 4, deviation 1 within a subject."""
    rows = [
        {"label": label, "subject": f"{label}{subject}"}
        | {measure.name: 10 + shift + 4 * subject + cell for measure in MEASURES}
        for label in ("all", "hem")
        for subject in (0, 1)
        for cell in (-1, 0, 1)
    ]
    return pd.DataFrame(rows)


def test_spread__combines_between_and_within() -> None:
    rows = table()[lambda t: t["label"] == "all"]
    found = synthetic_realism.spread(rows["area"], rows["subject"])
    assert found.mean == 12
    assert found.deviation == pytest.approx(
        np.sqrt(8 + 1)
    )  # variance of 10 and 14, and of -1, 0, 1


def test_spread__counts_every_subject_alike() -> None:
    values, subjects = pd.Series([0.0, 0, 0, 0, 10, 10]), pd.Series(list("aaaabb"))
    assert synthetic_realism.spread(values, subjects).mean == 5


def test_comparisons__in_deviations_of_the_real_cells() -> None:
    found = synthetic_realism.compare_measures(table(), table(shift=1.5))
    assert len(found) == 2 * len(MEASURES)
    assert {round(each.shift, 6) for each in found} == {0.5}


def test_markdown__one_table_a_class() -> None:
    text = synthetic_realism.as_markdown(
        synthetic_realism.compare_measures(table(), table(shift=-3))
    )
    assert text.count("| measure |") == 2
    assert text.count("| 12.00 ± 3.00 | 9.00 ± 3.00 | -1.00 |") == 2 * len(MEASURES)
