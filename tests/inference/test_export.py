import csv
import io
import json

import pandas as pd
import pytest

from allcore.inference import export
from allcore.inference.export import ExportDetails
from allcore.inference.results import COLUMNS, PredictedRow
from allcore.notice import RESEARCH_USE


def row(path: str, reason: str = "") -> PredictedRow:
    return PredictedRow(path, "ab", "hem", 0.25, 0.5, reason, "tiny", "cd", "fp32")


ROWS = [row("1.bmp"), row("2.bmp")]
TOLD = [ExportDetails("H9", None, 0.5), ExportDetails(None, "known", 1.5)]


def table(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def test_csv_bytes__has_more_columns_only_where_asked() -> None:
    assert table(export.csv_bytes(ROWS))[0] == [*COLUMNS, "notice"]
    head, first, second = table(export.csv_bytes(ROWS, TOLD))
    assert head == [*COLUMNS, "subject", "rung", "strangeness", "held_out", "trained_on", "notice"]
    assert first[len(COLUMNS) :] == ["H9", "", "0.5", "", "", RESEARCH_USE]
    assert second[len(COLUMNS) :] == ["", "known", "1.5", "", "", RESEARCH_USE]


def test_every_format__has_the_same_columns_and_values() -> None:
    parquet = pd.read_parquet(io.BytesIO(export.parquet_bytes(ROWS, TOLD)))
    lines = [json.loads(line) for line in export.jsonl_bytes(ROWS, TOLD).splitlines()]
    wanted = [*COLUMNS, "subject", "rung", "strangeness", "held_out", "trained_on"]
    assert list(parquet.columns) == wanted
    assert [list(line) for line in lines] == [[*wanted, "notice"]] * 2
    assert [line["strangeness"] for line in lines] == list(parquet["strangeness"]) == [0.5, 1.5]
    assert parquet["subject"][0] == "H9" and pd.isna(parquet["subject"][1])


def test_more__needs_one_a_row() -> None:
    for write in (export.csv_bytes, export.jsonl_bytes, export.parquet_bytes):
        with pytest.raises(ValueError, match="zip"):
            write(ROWS, TOLD[:1])


@pytest.mark.parametrize("path", ["=cmd|' /C calc'!A0", "+1.bmp", "-a.bmp", "@x", "\tx", "＝1"])
def test_csv_bytes__no_text_is_a_formula(path: str) -> None:
    cells = table(export.csv_bytes([row(path, reason=path)], [ExportDetails(subject=path)]))[1]
    assert [cells[0], cells[5], cells[9]] == [f"'{path}"] * 3


@pytest.mark.parametrize("path", ["a=b.bmp", "-1.5", "Zelle é.bmp", "a,b.bmp", ""])
def test_csv_bytes__other_text_stays(path: str) -> None:
    assert table(export.csv_bytes([row(path)]))[1][0] == path


def test_formats__take_names_that_are_no_text() -> None:
    """Names on disk may hold bytes that are no UTF-8; Python reads them as lone surrogates."""
    for suffix, write in export.FORMATS.items():
        assert b"a?.bmp" in write([row("a\udcff.bmp")]), suffix
