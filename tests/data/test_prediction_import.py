"""Files of predictions as strangers bring them."""

import io
import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import special

from allcore.data import label_choice, prediction_import, table_reader
from allcore.data.prediction_import import PREDICTION_COLUMNS, ImportChoices
from allcore.data.score_columns import MEANINGS
from allcore.errors import DataError
from allcore.evaluation import model_evaluation
from allcore.labels import parse_label
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
    found = csv(text + "e,hem,0.3,4,\n")
    assert found.table["split"].tolist() == ["validation", "test", "test"]
    assert sentences(found) == ["Left out: 1 row that the model was trained on."]


def test_read__unknown_splits_are_never_taken_as_test() -> None:
    table: dict[str, object] = {"image": IDS, "label": Y, "p": P, "split": ["tr", "fold 2"] * 20}
    with pytest.raises(DataError, match="40 rows of an unknown split"):
        imported(table)
    assert set(imported(table, columns={"split": None}).table["split"]) == {"test"}
    known = imported(table | {"split": ["train", "test"] * 20})
    assert len(known.table) == 20


def test_read__probability_of_the_predicted_class_is_asked_for() -> None:
    table: dict[str, object] = {"image": IDS, "label": Y, "score": np.maximum(P, 1 - P)}
    with pytest.raises(DataError, match="'score' may be the probability of the predicted class"):
        imported(table)
    chosen = imported(table, meaning=MEANINGS["Probability of ALL blast"])
    assert chosen.table["probability"].min() >= 0.5
    other = imported(table | {"prob": P}, columns={"probability": "prob"})
    assert other.table["probability"].to_numpy() == pytest.approx(P)


def test_read__calls_in_place_of_probabilities_are_said() -> None:
    found = imported({"image": IDS, "label": Y, "p": (P > 0.5).astype(int), "subject": IDS})
    assert "holds calls, 0 or 1, instead of probabilities" in sentences(found)[0]


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


# Columns and labels that can be read in several ways


def of(columns: dict[str, object]) -> bytes:
    return pd.DataFrame(columns).to_csv(index=False).encode()


def imported(table: dict[str, object], /, **choices: Any) -> prediction_import.ImportedPredictions:
    return prediction_import.read(of(table), name="x.csv", choices=ImportChoices(**choices))


Y = np.arange(40) % 2
P = np.where(Y == 1, 0.8, 0.2) + np.linspace(-0.15, 0.15, 40)
IDS = [f"c{i}" for i in range(40)]
NAMES = [f"UID_{'' if y else 'H'}{i}_1_1_{'all' if y else 'hem'}.bmp" for i, y in enumerate(Y)]


def test_read__truth_before_call() -> None:
    call = (P > 0.5).astype(int)
    for truth in ("true_label", "y_true", "Ground Truth", "actual"):
        found = imported({"image": IDS, "label": 1 - Y, "class": call, truth: Y, "probability": P})
        assert (found.table["label"] == "all").tolist() == (Y == 1).tolist()
        assert f"actual '{truth}'" in found.columns_text
    found = imported(
        {"image": IDS, "true_label": Y, "label": call, "probability": P},
        columns={"label": "label", "subject": None},
    )
    assert (found.table["label"] == "all").tolist() == (call == 1).tolist()
    assert "actual 'label', probability 'probability'." in found.columns_text


@pytest.mark.parametrize(
    "column",
    ["prob_hem", "p(normal)", "Probability of normal", "proba_0", "hem"],
)
def test_read__probability_of_the_other_class_by_its_heading(column: str) -> None:
    found = imported({"image": IDS, "label": Y, column: 1 - P, "subject": IDS})
    assert found.table["probability"].to_numpy() == pytest.approx(P)
    assert "is 1 minus it" in sentences(found)[0]
    percent = imported({"image": IDS, "label": Y, column: [f"{100 - 100 * p}%" for p in P]})
    assert percent.table["probability"].to_numpy() == pytest.approx(P)


def test_read__probability_of_the_other_class_is_asked_for() -> None:
    columns: dict[str, object] = {"image": IDS, "label": Y, "prob": 1 - P}
    with pytest.raises(DataError, match="'prob' is higher for normal cells than for ALL blasts"):
        imported(columns)
    other = imported(columns, meaning=MEANINGS["Probability of normal"])
    assert other.table["probability"].to_numpy() == pytest.approx(P)
    as_it_is = imported(columns, meaning=MEANINGS["Probability of ALL blast"])
    assert as_it_is.table["probability"].to_numpy() == pytest.approx(1 - P)


def test_read__probabilities_of_both_classes_add_up_to_one() -> None:
    columns: dict[str, object] = {"image": IDS, "label": Y, "p_hem": 1 - P, "p_all": P}
    assert imported(columns).table["probability"].to_numpy() == pytest.approx(P)
    with pytest.raises(DataError, match="'p_all' and 'p_hem' don't add up to 1 in 38 rows"):
        imported(columns | {"p_hem": P / 2})
    chosen = imported(columns | {"p_hem": P / 2}, columns={"probability": "p_all"})
    assert chosen.table["probability"].to_numpy() == pytest.approx(P)


def test_read__logits_are_never_judged_in_part() -> None:
    logits = special.logit(P)
    columns: dict[str, object] = {"image": IDS, "label": Y, "score": logits}
    with pytest.raises(DataError, match="'score' holds logits"):
        imported(columns)
    for changed in (columns | {"score": special.expit(logits)}, columns):
        meaning = MEANINGS["Logit of ALL blast"] if changed is columns else None
        found = imported(changed, meaning=meaning).table["probability"].to_numpy()
        assert found == pytest.approx(P)


def test_read__decimal_commas_without_quotes_are_refused_whole() -> None:
    rows = "".join(f"c{i},all,{p}\n" for i, p in enumerate(("0,9", "1", "0", "0,2")))
    with pytest.raises(DataError, match="save the table with semicolons"):
        csv("id,label,p\n" + rows)
    rows = "".join(f"c{i};all;{p}\n" for i, p in enumerate(("0,9", "1", "0", "0,2")))
    assert csv("id;label;p\n" + rows).table["probability"].tolist() == [0.9, 1, 0, 0.2]


@pytest.mark.parametrize("words", [["AML", "CLL"], ["1", "2"], ["-1", "1"], ["all", "dog"]])
def test_read__unknown_labels_are_refused_whole_until_they_are_decided(words: list[str]) -> None:
    columns: dict[str, object] = {"image": IDS, "label": [words[y] for y in Y], "p": P}
    with pytest.raises(DataError, match="neither ALL blast nor normal") as error:
        imported(columns)
    assert f"as {next(w for w in words if parse_label(w) is None)}=all, =hem or =none" in str(
        error.value
    )
    labels = label_choice.parse(f"{words[0]}=hem,{words[1]}=all")
    assert imported(columns, labels=labels).table["label"].tolist() == ["hem", "all"] * 20


@pytest.mark.parametrize(("zero", "one"), [("0", "1"), ("normal", "blast"), ("0.0", "1.0")])
def test_read__codes_against_names_are_counted_and_decided(zero: str, one: str) -> None:
    columns: dict[str, object] = {
        "image": NAMES, "label": [zero if y else one for y in Y], "p_all": P,
    }  # fmt: skip
    with pytest.raises(DataError, match="40 of 40 labels contradict the names") as error:
        imported(columns)
    exchange, keep = re.findall(r"[^\s,]\S+=[^\s,]+", str(error.value))
    by_names = imported(columns, labels=label_choice.parse("names"))
    assert (by_names.table["label"] == "all").tolist() == (Y == 1).tolist()
    found = imported(columns, labels=label_choice.parse(exchange))
    assert (found.table["label"] == "all").tolist() == (Y == 1).tolist()
    kept = imported(
        columns, labels=label_choice.parse(keep), meaning=MEANINGS["Probability of ALL blast"]
    )
    assert (kept.table["label"] == "all").tolist() == (Y == 0).tolist()
    assert "40 of 40 labels contradict the names of the files: the labels count" in " ".join(
        sentences(kept)
    )


def test_read__exchanged_codes_whose_probability_is_of_code_1() -> None:
    columns: dict[str, object] = {"image": NAMES, "label": 1 - Y, "prob": 1 - P}
    labels = label_choice.parse("0=all,1=hem")
    with pytest.raises(DataError, match="may be the probability of normal cells"):
        imported(columns, labels=labels)
    by_heading = imported({**columns, "prob": P, "prob_1": 1 - P}, labels=labels)
    meaning = MEANINGS["Probability of normal"]
    for found in (by_heading, imported(columns, labels=labels, meaning=meaning)):
        assert found.table["probability"].to_numpy() == pytest.approx(P)


def test_read__labels_that_tell_no_class_are_left_out_as_chosen() -> None:
    columns: dict[str, object] = {"image": IDS, "label": ["AML", *Y[1:-1], "unsure"], "p": P}
    found = imported(columns, labels=label_choice.parse("AML=none,unsure=none"))
    assert "2 rows whose label tells no class, as chosen ('AML', 'unsure')" in sentences(found)[0]
    assert len(found.table) == 38


def test_read__codes_against_the_names_of_all_idb() -> None:
    names = [f"Im{i:03d}_{y}.tif" for i, y in enumerate(Y)]
    with pytest.raises(DataError, match="40 of 40 labels contradict the names"):
        imported({"image": names, "label": 1 - Y, "p": P})


def test_read__a_few_labels_against_names() -> None:
    label = [*(1 - Y[:2]), *Y[2:]]
    with pytest.raises(DataError, match="2 of 40 labels contradict") as error:
        imported({"image": NAMES, "label": label, "p": P})
    keep = re.findall(r"[^\s,]\S+=[^\s,]+", str(error.value))[0]
    found = imported({"image": NAMES, "label": label, "p": P}, labels=label_choice.parse(keep))
    assert len(found.table) == 40


def test_read__a_logit_of_the_other_class_is_not_used() -> None:
    rows = "".join(f"c{i},{'all' if i > 15 else 'hem'},{i / 30},{-i}\n" for i in range(1, 30))
    found = csv(f"id,label,probability,logit\n{rows}")
    assert "another order than the probabilities" in " ".join(
        problem.sentence for problem in found.problems
    )
    assert found.table["logit"].is_monotonic_increasing


def test_read__codes_are_shown_as_they_are_read() -> None:
    coded = csv("id,label,prob\na,1,0.9\nb,0,0.2\n")
    assert coded.columns_text.endswith("1 is read as ALL blast and 0 as normal.")
    assert csv("id,label,prob\na,all,0.9\n").columns_text.endswith("'prob'.")
