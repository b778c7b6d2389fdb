"""Files of predictions as strangers bring them."""

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import special

from allcore.data import prediction_import, table_reader
from allcore.data.prediction_import import PREDICTION_COLUMNS
from allcore.errors import DataError
from allcore.evaluation import model_evaluation
from tests import simulated


def csv(text: str) -> prediction_import.ImportedPredictions:
    return prediction_import.read(text.encode(), name="mine.csv")


def parquet(table: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    table.to_parquet(file, index=False)
    return file.getvalue()


GOOD = "id,label,probability,subject\na,all,0.9,s1\nb,hem,0.2,s2\nc,all,0.4,s1\n"


def test_read__has_the_columns_of_predictions() -> None:
    found = csv(GOOD)
    table = found.table
    assert tuple(table) == PREDICTION_COLUMNS
    assert table["image_id"].tolist() == table["path"].tolist() == ["a", "b", "c"]
    assert table["label"].tolist() == ["all", "hem", "all"]
    assert table["group"].tolist() == table["subject"].tolist() == ["s1", "s2", "s1"]
    assert table["logit"].to_numpy() == pytest.approx(special.logit([0.9, 0.2, 0.4]))
    assert set(table["split"]) == {"test"} and set(table["fold"]) == {-1}
    assert table["baseline_probability"].isna().all()
    assert found.problems == ()


def test_read__what_a_model_folder_holds_comes_back() -> None:
    table = simulated.predictions()
    for data in (table.to_csv(index=False).encode(), parquet(table)):
        found = prediction_import.read(data, name="predictions")
        assert found.problems == ()
        assert found.table["image_id"].tolist() == table["image_id"].tolist()
        for column in ("subject", "label", "split"):
            assert found.table[column].tolist() == table[column].tolist(), column
        for column in ("probability", "logit"):
            assert found.table[column].to_numpy() == pytest.approx(table[column].to_numpy())
    report = model_evaluation.evaluate_model(found.table, simulated.info(table))
    assert report.test is not None and report.test.estimate("auroc").over_subjects.known


@pytest.mark.parametrize(
    "names",
    ["image_id,label,probability,subject", "Image ID,Y_TRUE,Prob,Patient-ID",
     " filename , class ,P_ALL,patient", "file,target,score,subject_id", "id,label,y_prob,Subject"],
)  # fmt: skip
def test_read__columns_by_their_common_names(names: str) -> None:
    found = csv(GOOD.replace("id,label,probability,subject", names))
    assert found.problems == ()
    assert len(found.table) == 3 and found.table["subject"].notna().all()


@pytest.mark.parametrize(
    ("blast", "normal"),
    [("all", "hem"), ("ALL", "HEM"), ("1", "0"), ("1.0", "0.0"), ("Blast", "Normal"),
     ("TRUE", "false"), ("ALL blast", "normal")],
)  # fmt: skip
def test_read__labels_by_their_common_names(blast: str, normal: str) -> None:
    text = GOOD.replace(",all,", f",{blast},").replace(",hem,", f", {normal} ,")
    assert csv(text).table["label"].tolist() == ["all", "hem", "all"]


def test_read__numbers_and_truth_values_of_parquet() -> None:
    for labels in ([1, 0], [True, False], [1.0, 0.0], [1, 0.0]):
        table = pd.DataFrame(
            {"id": [7, 8], "target": labels, "p": np.array([0.25, 1], dtype="float32")}
        )
        found = prediction_import.read(parquet(table.assign(patient=[1.0, np.nan])), name="x").table
        assert found["label"].tolist() == ["all", "hem"]
        assert found["image_id"].tolist() == ["7", "8"]
        assert found["subject"].tolist()[0] == "1" and found["subject"].isna().tolist()[1]
        assert np.isfinite(found["logit"]).all()


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_read__separators_and_encodings(separator: str, encoding: str) -> None:
    text = GOOD.replace(",", separator).replace("s2", "Müller").replace("\n", "\r\n")
    found = prediction_import.read(text.encode(encoding), name="x.csv")
    assert found.table["subject"].tolist() == ["s1", "Müller", "s1"]


def test_read__decimal_commas() -> None:
    found = csv(GOOD.replace(",", ";").replace("0.", "0,"))
    assert found.table["probability"].tolist() == [0.9, 0.2, 0.4]


def sentences(found: prediction_import.ImportedPredictions) -> list[str]:
    return [problem.sentence for problem in found.problems]


@pytest.mark.parametrize(
    ("rows", "expected", "counted"),
    [
        (["x,,0.5,s1", "y,N/A,0.5,s1", "z,?,0.5,s1"], "Left out: 3 rows without a label.", 3),
        ([",all,0.5,s1", " ,all,0.5,s1"], "Left out: 2 rows without an image id.", 2),
        (["x,all,,s1", "y,all,nan,s1", "z,all,-,s1"],
         "Left out: 3 rows without a probability.", 3),
        (["a,all,0.9,s1"], "1 row repeated word for word: merged.", 1),
        (["x,all,0.5,s1", "x,hem,0.5,s1", "y,all,0.5,s1", "y,all,0.6,s1"],
         "Left out: 4 rows that contradict another row of the same id ('x', 'y').", 4),
    ],
)  # fmt: skip
def test_read__rows_that_cannot_be_used(rows: list[str], expected: str, counted: int) -> None:
    found = csv(GOOD + "\n".join(rows) + "\n")
    assert sentences(found) == [expected]
    assert found.problems[0].rows == counted
    assert found.table["image_id"].tolist() == ["a", "b", "c"]


def test_read__many_kinds_of_examples_are_cut_short() -> None:
    rows = "".join(f"{'long' * 20}{i},all,{p},s1\n" for i in range(9) for p in (0.5, 0.6))
    found = csv(GOOD + rows)
    assert len(sentences(found)[0]) < 160
    assert "and others" in sentences(found)[0]


def test_read__formulas_are_texts() -> None:
    found = csv('id,label,probability,subject\n"=1+1",all,0.9,@SUM(A1)\nb,hem,0.2,-2\n')
    assert found.table["image_id"].tolist() == ["=1+1", "b"]
    assert found.table["subject"].tolist() == ["@SUM(A1)", "-2"]


def test_read__a_short_line_lacks_its_last_entries() -> None:
    found = csv(GOOD + "d,all,0.8\ne,all\n\n")
    assert sentences(found) == [
        "Left out: 1 row without a probability.",
        "1 row without a subject: no interval over subjects can be given.",
    ]
    assert found.table["subject"].isna().tolist() == [False, False, False, True]
    assert model_evaluation.subject_groups(found.table) is None


def test_read__without_subjects() -> None:
    found = csv("id,label,p\na,all,0.9\nb,hem,0.2\n")
    assert "no column for subjects" in sentences(found)[0]
    assert found.problems[0].rows == 2
    assert model_evaluation.subject_groups(found.table) is None


def test_read__c_nmc_names_give_subjects_and_groups() -> None:
    found = csv("file,label,p\nfold_0/all/UID_75_1_1_all.bmp,all,0.9\nUID_H3_2_1_hem.jpg,hem,0.2\n")
    assert sentences(found) == ["Subjects were read from C-NMC's file names."]
    assert found.table["image_id"].tolist() == ["UID_75_1_1_all", "UID_H3_2_1_hem"]
    assert found.table["path"].tolist()[0] == "fold_0/all/UID_75_1_1_all.bmp"
    assert found.table["subject"].tolist() == ["75", "H3"]
    assert found.table["group"].tolist() == ["51+75+78", "H3+H10"]


def test_read__numbers_of_other_hospitals_are_not_c_nmcs_subjects() -> None:
    found = csv("id,label,p,subject\na,all,0.9,75\nb,hem,0.2,H3\n")
    assert found.table["group"].tolist() == ["75", "H3"]


def test_read__splits() -> None:
    text = "id,label,p,subject,split\na,all,0.9,1,Val\nb,hem,0.2,2,test\nc,all,0.1,3,train\n"
    found = csv(text + "d,hem,0.3,4,fold 2\ne,hem,0.3,4,\n")
    assert found.table["split"].tolist() == ["validation", "test", "test", "test"]
    assert sentences(found) == [
        "1 row of an unknown split ('fold 2'): taken as test cells.",
        "Left out: 1 row that the model was trained on.",
    ]


def test_read__logits_where_they_are_numbers() -> None:
    found = csv("id,label,p,subject,logit\na,all,0.9,1,3.5\nb,hem,0.5,2,\nc,all,1,3,inf\n").table
    assert found["logit"].tolist()[:2] == [3.5, 0.0]
    assert np.isfinite(found["logit"]).all()


@pytest.mark.parametrize(
    ("label", "words"),
    [("all", "All cells are ALL blasts: without normal cells there is no specificity"),
     ("hem", "All cells are normal cells: without ALL blasts there is no sensitivity")],
)  # fmt: skip
def test_read__one_class_only(label: str, words: str) -> None:
    found = csv(f"id,label,p,subject\na,{label},0.9,1\nb,{label},0.2,2\n")
    assert sentences(found)[0].startswith(words)
    assert found.problems[0].rows == 2


def test_read__one_subject_only() -> None:
    found = csv("id,label,p,subject\na,all,0.9,p1\nb,hem,0.2,p1\n")
    assert sentences(found) == [
        "All cells are of one subject ('p1'): no interval over subjects can be given."
    ]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "image ids .* and labels .* and probabilities .* it has the columns none"),
        (b"a,b\n1,2\n", "lacks a column of image ids .* it has the columns 'a', 'b'"),
        (b"id,label\na,all\n", r"lacks a column of probabilities \(probability, prob, p,"),
        (b"id,label,p\n", "No row of x can be used"),
        (b"id,label,p\na,,0.5\n", "No row of x can be used. Left out: 1 row without a label"),
        (b"id,label,p\na,all,\n", "No row of x can be used. Left out: 1 row without a prob"),
        (b"id,label,p,split\na,all,1,Train\n", "1 row that the model was trained on"),
        ("id,label,p\nä,all,0.5\n".encode("latin-1"), "CSV UTF-8"),
        (b"id,label,p\n\0,all,0.5\n", "neither CSV nor Parquet"),
        (b"\x89PNG\r\n\x1a\n", "CSV UTF-8"),
        (b"PAR1 and nothing", "can't be read as Parquet"),
        (b"id,label,p\n" + b'"' + b"a" * 200_000, "can't be read as CSV"),
    ],
)  # fmt: skip
def test_read__refuses(data: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        prediction_import.read(data, name="x")


def test_read__refuses_what_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_reader, "MEGABYTES", 0)
    with pytest.raises(DataError, match="larger than 0 MB"):
        csv(GOOD)
    monkeypatch.undo()
    monkeypatch.setattr(table_reader, "ROWS", 2)
    for data in (GOOD.encode(), parquet(pd.read_csv(io.StringIO(GOOD)))):
        with pytest.raises(DataError, match="more than 2 rows"):
            prediction_import.read(data, name="x")


def test_read__refuses_a_small_file_that_unpacks_to_a_large_one() -> None:
    texts = pa.DictionaryArray.from_arrays(np.zeros(100_000, dtype="int32"), ["x" * 100_000])
    numbers = np.full(100_000, 0.5)
    file = io.BytesIO()
    pq.write_table(pa.table({"id": texts, "label": numbers, "p": numbers}), file)
    data = file.getvalue()
    assert len(data) < 1_000_000
    with pytest.raises(DataError, match="more than 500 characters"):
        prediction_import.read(data, name="x")


def test_read__refuses_lists() -> None:
    table = pd.DataFrame({"id": [["a"], ["b"]], "label": ["all", "hem"], "p": [0.5, 0.5]})
    with pytest.raises(DataError, match="column of lists"):
        prediction_import.read(parquet(table), name="x")
