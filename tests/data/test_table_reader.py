"""The one reader of all tables, in the forms that programs and people write."""

import io

import pandas as pd
import pytest

from allcore.data import table_reader
from allcore.data.table_reader import (
    FILE_NAMES,
    LABEL_NAMES,
    SPLIT_NAMES,
    SUBJECT_NAMES,
    Schema,
)  # fmt: skip
from allcore.errors import DataError

SCHEMA = Schema(
    names={
        "file": FILE_NAMES,
        "label": LABEL_NAMES,
        "subject": SUBJECT_NAMES,
        "split": SPLIT_NAMES,
    },
    required={"file": "names of files", "label": "labels"},
)  # fmt: skip
PLAIN = "file,label,subject\na.png,ALL,P1\nb.png,HEM,P2\n"
EXPECTED = [["a.png", "ALL", "P1"], ["b.png", "HEM", "P2"]]


def rows(text: str | bytes, encoding: str = "utf-8") -> list[list[str | None]]:
    data = text if isinstance(text, bytes) else text.encode(encoding)
    found: list[list[str | None]] = table_reader.read(data, SCHEMA, name="t").rows.values.tolist()
    return found


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_read__separators_encodings_and_line_ends(separator: str, encoding: str, end: str) -> None:
    text = PLAIN.replace(",", separator).replace("P2", "Pät|,;ient" if separator == "\t" else "Pä")
    assert [row[0] for row in rows(text.replace("\n", end), encoding)] == ["a.png", "b.png"]


@pytest.mark.parametrize(
    "text",
    [
        PLAIN + ",,\n , ,\n\n",
        "\n,,\n" + PLAIN,
        "sep=;\n" + PLAIN.replace(",", ";"),
        "sep=,\r\n" + PLAIN,
        PLAIN.replace("\n", ",,\n"),
        PLAIN.replace(",P1", ", P1 ").replace("a.png", " a.png\t"),
        '"file","label","subject"\n"a.png","ALL","P1"\n"b.png","HEM","P2"\n',
        '"file";"label";"subject, of the clinic";subject\na.png;ALL;"x,y";P1\nb.png;HEM;;P2\n',
        ",file,label,subject\n0,a.png,ALL,P1\n1,b.png,HEM,P2\n",
        "subject\tlabel\tfile\nP1\tALL\ta.png\nP2\tHEM\tb.png\n",
    ],
)
def test_read__as_spreadsheets_and_programs_write_it(text: str) -> None:
    assert rows(text) == EXPECTED


@pytest.mark.parametrize(
    "heading",
    [
        "file,label,subject", "Path,Label,patient_id", "filename,CLASS,PatientID",
        "Image Path,Diagnosis,Patient No.", "FILE-NAME,y_true,Case-ID", "img,target,donor",
        "imageFile,groundTruth,Subject ID", "image_id,Labels,PID", "Picture,Category,participant",
    ],
)  # fmt: skip
def test_read__headings_by_their_synonyms(heading: str) -> None:
    table = table_reader.read(PLAIN.replace("file,label,subject", heading).encode(), SCHEMA)
    assert table.rows.values.tolist() == EXPECTED
    assert list(table.headings.values()) == heading.split(",")


@pytest.mark.parametrize(
    "word", ["", " ", "NaN", "nan", "n/a", "N/A", "NA", "#N/A", "<NA>", "null", "None", "-", "?"]
)
def test_read__words_for_missing(word: str) -> None:
    assert rows(PLAIN.replace("P1", word))[0] == ["a.png", "ALL", None]


def test_read__whole_numbers_that_missing_ones_made_floats() -> None:
    text = "file,label,subject\na.png,1.0,12.0\nb.png,0.0,\n"
    assert rows(text) == [["a.png", "1", "12"], ["b.png", "0", None]]
    assert rows(text.replace("12.0", "12.5"))[0][2] == "12.5"


def test_read__parquet_of_numbers_and_missing_ones() -> None:
    file = io.BytesIO()
    pd.DataFrame(
        {"file": ["a.png", "b.png"], "label": [1, 0], "patient": [7, None], "other": [[1], [2]]}
    ).to_parquet(file)
    assert rows(file.getvalue()) == [["a.png", "1", "7"], ["b.png", "0", None]]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04 and more", "to be saved as 'CSV UTF-8', or an archive: unpack it first"),
        (b"\xd0\xcf\x11\xe0 and more", "an Excel workbook: save the table as 'CSV UTF-8'"),
        (b"\x1f\x8b and more", "compressed: unpack it first"),
        (b'[{"file": "a.png"}]', "JSON: save the table as 'CSV UTF-8'"),
        ("file,label\nä.png,ALL\n".encode("cp1252"), "save it as 'CSV UTF-8'"),
        (b"file,label\n\0,ALL\n", "neither CSV nor Parquet"),
        (b"file,label,Label\na.png,ALL,HEM\n", "several columns 'label': rename all but one"),
        (b"a.png,ALL\nb.png,HEM\n", r"lacks .* \(path, file.* columns 'a.png', 'ALL': name one"),
        (b"", "it has the columns none"),
        (b"file,label,p\na.png,ALL,0,5\n", "line 2 has more entries than there are headings"),
    ],
)  # fmt: skip
def test_read__refuses_with_the_reason(data: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        rows(data)


@pytest.mark.parametrize(
    ("refused", "as_told"),
    [
        ("file,label,Label\na.png,ALL,x\n", "file,label,old\na.png,ALL,x\n"),
        ("a.png,ALL\n", "path,true label\na.png,ALL\n"),
        ("file,label,note\na.png,ALL,x,y\n", 'file,label,note\na.png,ALL,"x,y"\n'),
        ("file,label,note\na.png,ALL,0,5\n", "file;label;note\na.png;ALL;0,5\n"),
    ],
)
def test_read__the_advice_of_each_error_works(refused: str, as_told: str) -> None:
    with pytest.raises(DataError):
        rows(refused)
    assert rows(as_told) == [["a.png", "ALL"]]


def test_read__text_of_another_encoding_saved_as_told() -> None:
    text = PLAIN.replace("P1", "Jörg")
    with pytest.raises(DataError, match="CSV UTF-8"):
        rows(text, "cp1252")
    assert rows(text, "utf-8-sig")[0][2] == "Jörg"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.87", 0.87), ("0,87", 0.87), (".87", 0.87), (" 0.87\u00a0", 0.87), ("8.7e-1", 0.87),
        ("8,7E-1", 0.87), ("\u22121,5", -1.5), ("1.234,5", 1234.5), ("1,234.5", 1234.5),
        ("1\u202f234,5", 1234.5), ("1'234.5", 1234.5), ("87 %", 87), ("87,5%", 87.5), ("+1", 1),
    ],
)  # fmt: skip
def test_numbers__of_many_countries(text: str, number: float) -> None:
    assert table_reader.numbers(pd.Series([text, None])).iloc[0] == pytest.approx(number)


@pytest.mark.parametrize("text", ["", "high", "<0.01", "0.1-0.2", "1/2", "0..5", "0x1"])
def test_numbers__of_other_texts(text: str) -> None:
    assert table_reader.numbers(pd.Series([text, None])).isna().all()
