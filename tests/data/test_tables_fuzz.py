"""Tables drawn from known parts are read as they were drawn, or refused."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import special

from allcore.data import prediction_import, split_files, subject_assignment, table_reader
from allcore.data.layouts import table as data_set_table
from allcore.data.splits import parse_part
from allcore.errors import DataError
from allcore.labels import parse_label

LABEL_WORDS = {
    "all": ["all", "ALL", " 1.0 ", "1", "Blast", "TRUE", "leukemia", "all_blast"],
    "hem": ["hem", "HEM", " 0.0 ", "0", "Normal", "False", "healthy", "Normal cell"],
}
PART_WORDS = {
    "train": ["Train", "TRAIN", "training", "train_set"],
    "validation": ["val", "Valid", "Validation", "dev"],
    "test": ["test", "TEST", "Testing", "test set"],
}
MISSING = ["", " ", "NaN", "n/a", "None", "-"]
FORMS = {
    "share": lambda p: f"{p:.4f}",
    "comma": lambda p: f"{p:.4f}".replace(".", ","),
    "percent": lambda p: f"{100 * p:.3f}",
    "sign": lambda p: f"{100 * p:.3f} %",
    "logit": lambda p: f"{special.logit(p):.4f}",
    "mixed": lambda p: f"{p:.4f}" if p < 0.5 else f"{100 * p:.2f}",
    "cut": lambda p: "<0.1" if p < 0.1 else f"{p:.4f}",
}
SCORES = {
    "all": ["probability", "Prob", "p_all", "P(ALL)", "score"],
    "hem": ["prob_hem", "p(normal)", "normal score"],
}


@dataclass(frozen=True)
class Drawn:
    """A drawn table: its file, and the truth in its rows."""

    data: bytes
    names: list[str]
    labels: list[str]
    parts: list[str]
    subjects: list[str | None]
    probabilities: list[float]


def encoded(rows: Sequence[Sequence[str]], draw: st.DrawFn) -> bytes:
    """Write rows as some program would."""
    text = io.StringIO(newline="")
    writer = csv.writer(
        text,
        delimiter=draw(st.sampled_from(",;\t|")),
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
        lineterminator=draw(st.sampled_from(["\n", "\r\n"])),
    )
    writer.writerows(rows)
    writer.writerows([[""] * len(rows[0])] * draw(st.integers(0, 2)))
    return text.getvalue().encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])))


@st.composite
def tables(draw: st.DrawFn) -> Drawn:
    count = draw(st.integers(2, 24))
    of = draw(st.sampled_from(["all", "hem"]))
    form = FORMS[draw(st.sampled_from(list(FORMS)))]
    slash = draw(st.sampled_from(["/", "\\"]))
    names = [f"img{slash}Zélle {i}.png" for i in range(count)]
    labels = draw(st.lists(st.sampled_from(["all", "hem"]), min_size=count, max_size=count))
    parts = draw(st.lists(st.sampled_from(list(PART_WORDS)), min_size=count, max_size=count))
    subject = st.sampled_from([None, "P1", "P 2", "Müller, A"])
    subjects = draw(st.lists(subject, min_size=count, max_size=count))
    share = st.integers(1, 999).map(lambda number: number / 1000)
    rest = draw(st.lists(share, min_size=count - 2, max_size=count - 2))
    probabilities = [0.03, 0.97, *rest]  # a column without either is of no telling scale
    columns = {
        draw(st.sampled_from(["path", "File Name", "image"])): names,
        draw(st.sampled_from(["label", "Class", "y_true"])): [
            draw(st.sampled_from(LABEL_WORDS[label])) for label in labels
        ],
        draw(st.sampled_from(["split", "Subset"])): [
            draw(st.sampled_from(PART_WORDS[part])) for part in parts
        ],
        draw(st.sampled_from(["subject", "Patient-ID", "donor"])): [
            draw(st.sampled_from(MISSING)) if known is None else known for known in subjects
        ],
        draw(st.sampled_from(SCORES[of])): [
            form(p if of == "all" else 1 - p) for p in probabilities
        ],
        "note": ["x"] * count,
    }
    headings = draw(st.permutations(list(columns)))
    rows = [headings, *zip(*(columns[heading] for heading in headings), strict=True)]
    return Drawn(encoded(rows, draw), names, labels, parts, subjects, probabilities)


def check(drawn: Drawn) -> None:
    """Every kind of table read from one file agrees with what was drawn."""
    found = table_reader.read(drawn.data, data_set_table.SCHEMA, name="t").rows
    assert found["path"].tolist() == drawn.names
    assert [parse_label(word) for word in found["label"]] == drawn.labels
    assert [parse_part(word) for word in found["split"]] == drawn.parts
    assert found["subject"].tolist() == drawn.subjects
    assert split_files.parse_split(drawn.data, name="t").parts.tolist() == drawn.parts
    if any(drawn.subjects):
        assigned = subject_assignment.by_table(drawn.data, drawn.names, name="t")
        assert list(assigned.subjects) == drawn.subjects
    check_predictions(drawn)


def check_predictions(drawn: Drawn) -> None:
    """Predictions are read as they were drawn, row for row, or refused."""
    try:
        table = prediction_import.read(drawn.data, name="t").table
    except DataError:
        return
    held_out = [i for i, part in enumerate(drawn.parts) if part != "train"]
    assert table["path"].tolist() == [drawn.names[i] for i in held_out]
    assert table["label"].tolist() == [drawn.labels[i] for i in held_out]
    assert table["split"].tolist() == [drawn.parts[i] for i in held_out]
    expected = [drawn.probabilities[i] for i in held_out]
    assert table["probability"].tolist() == pytest.approx(expected, abs=1e-4)


SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


@given(tables())
@settings(max_examples=100, suppress_health_check=SLOW)
def test_read__agrees_with_what_was_drawn(drawn: Drawn) -> None:
    check(drawn)


@pytest.mark.long
@pytest.mark.timeout(600)
@given(tables())
@settings(max_examples=1000, suppress_health_check=SLOW)
def test_read__agrees_with_what_was_drawn_1000_times(drawn: Drawn) -> None:
    check(drawn)
