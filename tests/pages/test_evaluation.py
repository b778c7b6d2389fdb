import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import special
from streamlit.testing.v1 import AppTest

from allcore import model_folder
from allcore.evaluation import metrics, model_evaluation, outcomes, thresholds
from allcore.evaluation.metrics import Scores
from allcore.notice import RESEARCH_USE
from allcore.web import cell_images
from allcore.web.evaluation import curves_view, overview_view, threshold_bar
from allcore.web.evaluation.views import VIEWS
from tests import conftest, explored, simulated
from tests.page_runs import page_text, sign_in

PAGE = Path(__file__).parents[2] / "pages" / "evaluation.py"
BOUND = {
    "overview": {"model", "split", "threshold", "view", "show"},
    "errors": {"show", "subject", "label"},
    "map": {"colour"},
    "subjects": {"who", "cutoff", "least"},
    "figures": {"prevalence", "beside"},
    "models": {"other", "kind"},
    "robustness": {"robust_by"},
}
"""What a view keeps in the address."""
LACKS = {
    "map": "no `embeddings.npz`",
    "robustness": "Not measured yet",
    "models": "no second model",
}
"""What a view says where a folder holds nothing but predictions."""


@pytest.fixture(autouse=True)
def ada(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(monkeypatch)
    monkeypatch.setenv("ALLSCOPE_MODEL", "simulated")


@pytest.fixture(scope="module")
def full_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("full")
    explored.folder(root)
    explored.second(root)
    return root


@pytest.fixture(scope="module")
def bare_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bare")
    simulated.folder(root)
    return root


@pytest.fixture
def full(full_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two models on the same cells, the first with all that a folder may hold."""
    monkeypatch.setenv("ALLSCOPE_MODELS", str(full_root))
    return full_root


@pytest.fixture
def bare(bare_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One model with nothing but predictions."""
    monkeypatch.setenv("ALLSCOPE_MODELS", str(bare_root))
    return bare_root


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for a test's own models."""
    root = tmp_path / "models"
    root.mkdir()
    monkeypatch.setenv("ALLSCOPE_MODELS", str(root))
    return root


def opened(**address: str | list[str]) -> AppTest:
    """The page in a new session at an address."""
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    for key, value in address.items():
        page.query_params[key] = value
    return usable(page.run())


def usable(page: AppTest) -> AppTest:
    assert not page.exception
    assert page.title[0].value == "Evaluation"
    assert RESEARCH_USE in page_text(page)
    return page


def title(view: str) -> str:
    return VIEWS[view].title


def held_out(split: str = "test") -> pd.DataFrame:
    table = simulated.predictions()
    return table[table["split"] == split]


def scores(threshold: float) -> Scores:
    table = held_out()
    return metrics.scores(
        labels=model_evaluation.labels_array(table),
        probabilities=table["probability"].to_numpy(),
        threshold=threshold,
    )


def headline(page: AppTest) -> dict[str, str]:
    return {each.label: each.value for each in page.metric}


def expected_headline(threshold: float) -> dict[str, str]:
    found = scores(threshold)
    return {metrics.TITLES[key]: f"{getattr(found, key):.3f}" for key in overview_view.HEADLINE}


def figures(page: AppTest) -> list[dict[str, object]]:
    """The figures that are drawn, as plotly gets them."""
    return [json.loads(each.proto.spec) for each in page.get("plotly_chart")]


def subjects_table(page: AppTest) -> pd.DataFrame:
    return next(each.value for each in page.dataframe if "Correct" in each.value)


def seen(page: AppTest) -> list[str]:
    """All that can be told of a page: its words, metrics, tables and figures."""
    tables = [each.value.to_csv() for each in page.dataframe]
    drawn = [each.proto.spec for each in page.get("plotly_chart")]
    return [page_text(page), str(headline(page)), *tables, *drawn]


def button(page: AppTest, start: str) -> None:
    next(each for each in page.button if each.label.startswith(start)).click()
    usable(page.run())


def threshold(page: AppTest) -> float:
    return float(page.number_input(key=threshold_bar.KEY).value)


def rules(page: AppTest) -> AppTest:
    """With the rules that choose a threshold unfolded; they are folded again by every run."""
    page.session_state["optimise"] = True
    return usable(page.run())


# Views


@pytest.mark.parametrize("view", VIEWS)
def test_page__every_view_of_a_folder_that_holds_all(full: Path, view: str) -> None:
    """The browser writes what is bound into the address; here only the binding can be seen."""
    page = opened(view=title(view))
    assert page.segmented_control(key="view").value == view
    assert not page.error
    kinds = ("selectbox", "multiselect", "number_input", "slider", "radio", "button_group")
    controls = [each for kind in kinds for each in getattr(page, kind)]
    assert BOUND.get(view, set()) <= {each.key for each in controls if each.proto.query_param_key}


@pytest.mark.parametrize("view", VIEWS)
def test_page__every_view_of_predictions_alone(bare: Path, view: str) -> None:
    page = opened(view=title(view))
    assert page.segmented_control(key="view").value == view
    assert not page.error
    assert LACKS.get(view, "") in page_text(page)


def test_page__first_view_needs_no_picture(bare: Path) -> None:
    page = opened()
    assert headline(page) == expected_headline(0.5)
    helps = [each.proto.help for each in page.metric]
    assert len(helps) == len(overview_view.HEADLINE)
    assert all("interval over cells" in text for text in helps)
    assert set(subjects_table(page)["Subject"]) == set(held_out()["subject"])
    assert cell_images.CONNECT in page_text(page)


def test_page__pictures_of_other_cells(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = conftest.draw_folders(tmp_path / "data", subjects=4, cells=1)
    monkeypatch.setenv("ALLSCOPE_DATA", str(data))
    page = opened()
    assert cell_images.UNMATCHED in page_text(page)
    assert cell_images.CONNECT not in page_text(page)


def test_page__a_data_set_that_is_gone(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLSCOPE_DATA", str(tmp_path / "gone"))
    page = opened()
    assert "There is no data set at" in page_text(page)
    assert headline(page) == expected_headline(0.5)


def test_page__validation_is_a_choice(bare: Path) -> None:
    page = opened(split="Validation")
    assert page.selectbox(key="split").value == "validation"
    assert set(subjects_table(page)["Subject"]) == set(held_out("validation")["subject"])
    assert "chosen on these cells" in page_text(page)


def test_page__an_area_of_the_map_becomes_a_gallery(full: Path) -> None:
    area = "-20,-20_20,-20_20,20_-20,20"
    page = opened(view=title("map"), area=area, threshold="0.7")
    places = simulated.predictions().iloc[5:]  # those the folder's map has
    placed = places[places["split"] == "test"]
    wrong = ((placed["probability"] >= 0.7) != (placed["label"] == "all")).sum()
    assert f"{len(placed):,} cells selected, {wrong:,} predicted wrongly" in page_text(page)
    page.toggle(key="only_wrong").set_value(True).run()
    assert f"of {wrong} cells" in page_text(usable(page))


# One threshold


def test_threshold__drives_headline_and_subjects(bare: Path) -> None:
    page = opened(threshold="0.7")
    assert headline(page) == expected_headline(0.7) != expected_headline(0.5)
    table = held_out()
    called = (table["probability"] >= 0.7).groupby(table["subject"]).agg(["sum", "count"])
    shown = subjects_table(page).set_index("Subject")["Predicted ALL blast"]
    for subject, (hits, cells) in called.iterrows():
        assert shown[subject].startswith(f"{hits} of {cells} (")


def test_threshold__drives_the_table_of_figures(bare: Path) -> None:
    page = opened(view=title("figures"), threshold="0.7")
    table = page.dataframe[0].value.set_index("Figure")["Value"]
    found = scores(0.7)
    assert list(table.index) == list(metrics.TITLES.values())
    expected = [getattr(found, key) for key in metrics.TITLES]
    assert np.allclose(table.to_numpy(dtype=float), expected, rtol=0, atol=1e-12)


def test_threshold__drives_matrix_and_operating_point(bare: Path) -> None:
    table, found = held_out(), scores(0.7)
    matrix, roc = figures(opened(threshold="0.7"))
    count = int(((table["probability"] >= 0.7) & (table["label"] == "all")).sum())
    assert f"{count:,}" in json.dumps(matrix, ensure_ascii=False)
    single = [t for t in roc["data"] if isinstance(t.get("y"), list) and len(t["y"]) == 1]
    at = [(trace["x"][0], trace["y"][0]) for trace in single]
    assert any(np.allclose(p, (1 - found.specificity, found.sensitivity)) for p in at)


@pytest.mark.parametrize("show", [*outcomes.OUTCOMES, "confident_errors"])
def test_threshold__drives_the_lists(bare: Path, show: str) -> None:
    table = held_out()
    kinds = outcomes.cell_outcomes(
        model_evaluation.labels_array(table), table["probability"].to_numpy(), 0.7
    )
    wanted = ("fp", "fn") if show == "confident_errors" else (show,)
    names = outcomes.OUTCOMES | outcomes.LISTS
    page = opened(view=title("errors"), show=names[show], threshold="0.7")
    assert f"of {np.isin(kinds, wanted).sum():,} cells" in page_text(page)


@pytest.mark.parametrize(("rule", "given"), [("youden", {}), ("sensitivity", {"target": 0.8})])
def test_threshold__a_rule_chooses_on_validation_cells(
    bare: Path, rule: str, given: dict[str, float]
) -> None:
    page = rules(opened())
    page.selectbox(key="threshold_rule").set_value(rule)
    rules(page)
    for value in given.values():
        labels = [each.label for each in page.number_input]
        page.number_input[labels.index("Sensitivity of at least")].set_value(value)
        rules(page)
    assert threshold_bar.FLATTERS not in page_text(page)
    button(page, "Apply")
    cells = held_out("validation")
    choice = thresholds.choose_threshold(
        rule,
        model_evaluation.labels_array(cells),
        cells["probability"].to_numpy(),
        model_evaluation.subject_groups(cells),
        **given,
    )
    assert threshold(page) == choice.value != 0.5
    assert choice.sentence in page_text(page)
    assert headline(page) == expected_headline(choice.value)
    again = opened(threshold=page.query_params["threshold"])
    assert headline(again) == headline(page)


def test_threshold__dragged_and_taken_back(bare: Path) -> None:
    page = opened()
    page.slider(key="threshold_slider").set_value(0.3).run()
    assert threshold(page) == 0.3
    assert headline(usable(page)) == expected_headline(0.3)
    assert "Chosen by hand." in page_text(page)
    button(page, "Reset")
    assert headline(page) == expected_headline(0.5)
    assert "Fixed for tests." in page_text(page)


def test_threshold__without_validation_cells_choosing_flatters(own: Path) -> None:
    simulated.folder(own, table=held_out())
    page = rules(opened())
    assert threshold_bar.FLATTERS in page_text(page)
    page.selectbox(key="threshold_rule").set_value("youden")
    rules(page)
    button(page, "Apply")
    cells = held_out()
    choice = thresholds.choose_threshold(
        "youden",
        model_evaluation.labels_array(cells),
        cells["probability"].to_numpy(),
        model_evaluation.subject_groups(cells),
    )
    assert threshold(page) == choice.value
    said = next(each.value for each in page.markdown if each.value.startswith("**Threshold "))
    assert "cells shown" in said and "flatters" in said


def test_threshold__another_model_brings_its_own(full: Path) -> None:
    page = opened(threshold="0.7")
    page.selectbox(key="model").set_value("second").run()
    assert threshold(usable(page)) == explored.SECOND_THRESHOLD
    shared = opened(model="second", threshold="0.7")
    assert threshold(shared) == 0.7


# The address


def test_address__is_what_the_controls_say(bare: Path) -> None:
    page = opened()
    page.number_input(key=threshold_bar.KEY).set_value(0.7).run()
    page.segmented_control(key="view").set_value("errors").run()
    page.selectbox(key="show").set_value("fn").run()
    page.multiselect(key="subject").set_value(["101", "105"]).run()
    same = opened(
        threshold="0.7",
        view=title("errors"),
        show=outcomes.OUTCOMES["fn"],
        subject=["101", "105"],
    )
    assert seen(same) == seen(usable(page))
    assert page.multiselect(key="subject").value == ["101", "105"]


def test_address__holds_prevalence_and_models_beside(full: Path) -> None:
    page = opened(view=title("figures"))
    page.slider(key=curves_view.PREVALENCE).set_value(2.0).run()
    page.multiselect(key=curves_view.BESIDE).set_value(["second"]).run()
    same = opened(view=title("figures"), prevalence="2.0", beside="second")
    assert seen(same) == seen(usable(page)) != seen(opened(view=title("figures")))


@pytest.mark.parametrize(
    "junk",
    [
        {"threshold": "abc", "split": "x", "show": "q", "subject": "zzz", "label": "<b>"},
        {"threshold": "7"},
        {"threshold": "nan", "view": "Nothing"},
        {"cell": "<script>alert(1)</script>"},
        {"view": "Map", "area": "1_2_3", "colour": "x", "only_wrong": "perhaps"},
        {"view": "Map", "area": "1,1_1,1_1,1"},
        {"model": "../../etc", "other": "../x"},
        {"view": "Model comparison", "other": "../../etc", "kind": "9"},
        {"view": "Subjects", "who": "zz", "cutoff": "999", "least": "-1"},
        {"view": "Curves", "prevalence": "-3", "beside": ["zz", "simulated"]},
        {"view": "Robustness", "robust_by": "q"},
        {"view": "Review", "kind": "x"},
        {"view": ["Map", "Errors"], "threshold": ["0.1", "0.2"]},
    ],
)
def test_address__junk_is_left_aside(full: Path, junk: dict[str, str | list[str]]) -> None:
    page = opened(**junk)
    assert 0 <= threshold(page) <= 1
    assert page.selectbox(key="model").value == "simulated"
    assert "<script>" not in "".join(str(each.value) for each in page.markdown)


def test_address__of_a_file_that_is_not_here(bare: Path) -> None:
    page = opened(model="mine.csv")
    assert "This address shows mine.csv" in page_text(page)
    assert headline(page) == expected_headline(0.5)


def test_address__opens_a_cell(bare: Path) -> None:
    first = held_out().iloc[0]
    page = opened(cell=first["image_id"], threshold="1")
    assert f"predicted normal: wrong.** Subject {first['subject']}" in page_text(page)


def test_address__what_another_model_does_not_have_is_left_aside(own: Path) -> None:
    explored.folder(own)
    table = held_out().assign(subject="S1", group="S1")
    simulated.folder(own, name="third", table=table)
    for address in (
        {"view": "Map", "colour": "Area", "split": "Validation"},
        {"view": "Subjects", "who": "101"},
        {"view": "Curves", "beside": "third"},
    ):
        page = opened(**address)
        page.selectbox(key="model").set_value("third").run()
        assert page.selectbox(key="model").value == "third"
        assert not usable(page).error


# A second model


def test_two__models_at_their_own_thresholds(full: Path) -> None:
    page = opened(view=title("models"))
    both = held_out().merge(
        model_folder.read_predictions(full / "second"), on="image_id", suffixes=("", "_b")
    )
    blast = both["label"] == "all"
    right = (both["probability"] >= 0.5) == blast
    other = (both["probability_b"] >= explored.SECOND_THRESHOLD) == blast
    assert f"both correct {(right & other).sum():,}, only simulated {(right & ~other).sum():,}" in (
        page_text(page)
    )
    assert "second was trained on other cells of these subjects" in page_text(page)
    page.segmented_control(key="kind").set_value("only_b").run()
    assert f"of {(~right & other).sum():,} cells" in page_text(usable(page))


def test_two__curves_beside_with_the_warning(full: Path) -> None:
    page = opened(view=title("figures"), beside="second")
    names = {trace.get("name") or "" for trace in figures(page)[0]["data"]}
    assert any("second" in name for name in names)
    assert "second was trained on other cells of these subjects" in page_text(page)


@pytest.mark.parametrize("damaged", [model_folder.INFO, model_folder.PREDICTIONS])
def test_two__a_damaged_one_is_said_once_and_left_out(own: Path, damaged: str) -> None:
    simulated.folder(own)
    (simulated.folder(own, name="other") / damaged).write_bytes(b"{")
    page = opened(view=title("figures"), beside="other")
    assert [damaged in each.value.replace("\\", "") for each in page.error] == [True]
    assert len(figures(page)) == 3 and len(page.dataframe) == 1
    assert len(opened(view=title("models"), other="other").error) == 1


def test_two__one_of_one_class_has_no_curve(own: Path) -> None:
    simulated.folder(own)
    simulated.folder(own, name="blasts", table=simulated.predictions(normal_subjects=0))
    page = opened(view=title("figures"), beside="blasts")
    assert "blasts is left out" in page_text(page)
    assert len(figures(page)) == 3


def test_two__a_model_of_an_image_split_warns_of_itself(full: Path) -> None:
    said = page_text(opened(model="second"))
    assert "have cells in two of training, validation and test" in said
    assert "never saw" not in said


# Folders that lack something


def test_empty__no_model(own: Path) -> None:
    page = opened()
    assert "No model is installed yet" in page_text(page)
    assert page.file_uploader(key="prediction_upload")
    assert not page.metric


@pytest.mark.parametrize("damaged", [model_folder.INFO, model_folder.PREDICTIONS])
def test_damaged__a_model_that_cannot_be_read(own: Path, damaged: str) -> None:
    (simulated.folder(own) / damaged).write_bytes(b"nonsense")
    page = opened()
    assert [damaged in each.value.replace("\\", "") for each in page.error] == [True]
    assert not page.metric


@pytest.mark.parametrize(
    ("damaged", "view"),
    [
        (model_folder.EMBEDDINGS, "map"),
        (model_folder.EMBEDDINGS, "slices"),
        (model_folder.FACTS, "map"),
        (model_folder.FACTS, "slices"),
        (model_folder.ROBUSTNESS, "robustness"),
    ],
)
def test_damaged__a_part_is_said_where_it_is_needed(own: Path, damaged: str, view: str) -> None:
    (explored.folder(own) / damaged).write_bytes(b"nonsense")
    page = opened(view=title(view))
    assert [damaged in each.value.replace("\\", "") for each in page.error] == [True]
    page.segmented_control(key="view").set_value("overview").run()
    assert headline(usable(page)) == expected_headline(0.5)


def test_damaged__measures_leave_the_cell_open(own: Path) -> None:
    (explored.folder(own) / model_folder.FACTS).write_bytes(b"nonsense")
    first = held_out().iloc[0]
    page = opened(cell=first["image_id"], threshold="1")
    assert "facts.parquet can't be read" in page_text(page)
    assert f"predicted normal: wrong.** Subject {first['subject']}" in page_text(page)


@pytest.mark.parametrize("share", [1, 9])
def test_subjects__unknown(own: Path, share: int) -> None:
    """No subject, or some unknown: no interval over subjects, but all that needs none."""
    table = simulated.predictions()
    unknown = np.arange(len(table)) % share == 0
    simulated.folder(own, table=table.assign(subject=table["subject"].mask(unknown, None)))
    page = opened()
    assert "Subjects are unknown" in page_text(page)
    said = of_views(page, "errors", "slices", "subjects", "figures", "calibration")
    assert not page.error
    assert "nothing can be said of any" in said["subjects"]


# Predictions of one's own


def bring(page: AppTest, table: pd.DataFrame | bytes, name: str = "mine.csv") -> AppTest:
    data = table if isinstance(table, bytes) else table.to_csv(index=False).encode()
    page.file_uploader(key="prediction_upload").set_value((name, data, "text/csv")).run()
    return usable(page)


def of_views(page: AppTest, *views: str) -> dict[str, str]:
    """What some views say."""
    said = {}
    for view in views:
        page.segmented_control(key="view").set_value(view).run()
        said[view] = page_text(usable(page))
    return said


def test_brought__good(bare: Path) -> None:
    page = bring(opened(), explored.brought())
    assert headline(page) == expected_headline(0.5)
    assert threshold_bar.FLATTERS in page_text(rules(page))
    assert page.query_params["model"] == "mine.csv"
    said = of_views(page, *VIEWS)
    assert "a file bring no embeddings" in said["map"]
    assert "share no cell" in said["models"]  # ids of another program
    assert "model's card" in said["export"]


def test_brought__parquet_without_any_model(own: Path, tmp_path: Path) -> None:
    explored.brought().to_parquet(tmp_path / "mine.parquet")
    page = bring(opened(), (tmp_path / "mine.parquet").read_bytes(), "mine.parquet")
    assert headline(page) == expected_headline(0.5)


def test_brought__two_files_of_one_name(bare: Path) -> None:
    page = bring(opened(), explored.brought())
    half = explored.brought().iloc[::2]
    bring(page, half)
    found = metrics.scores(
        labels=model_evaluation.labels_array(half),
        probabilities=half["score"].to_numpy(),
        threshold=0.5,
    )
    assert headline(page)["Accuracy"] == f"{found.accuracy:.3f}"
    options = page.selectbox(key="model").options
    assert len(set(options)) == len(options) == 3


def test_brought__a_file_that_cannot_be_read_is_said_as_long_as_it_is_there(bare: Path) -> None:
    page = bring(opened(), explored.brought().drop(columns="score"))
    said = "mine.csv lacks a column of probabilities"
    assert said in page_text(page)
    assert page.selectbox(key="model").value == "simulated"
    page.segmented_control(key="view").set_value("errors").run()
    assert said in page_text(usable(page))
    bring(page, explored.brought())
    assert said not in page_text(page)
    page.file_uploader(key="prediction_upload").clear().run()
    assert headline(opened()) == expected_headline(0.5)


def changed(case: str) -> pd.DataFrame:
    table = explored.brought()
    fifth = np.arange(len(table)) % 5 == 0
    match case:
        case "labels":
            return table.assign(label=table["label"].mask(fifth))
        case "nan":
            return table.assign(score=table["score"].mask(fifth))
        case "duplicates":
            return table.assign(file=table["file"].mask(fifth, "slide-0"))
        case "one class":
            return table[table["label"] == "all"]
        case "one subject":
            return table.assign(patient="P1")
        case "no subject":
            return table.drop(columns="patient")
    raise ValueError(case)


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("labels", "without a label"),
        ("nan", "without a probability"),
        ("duplicates", "contradict another row of the same id ('slide-0')"),
    ],
)
def test_brought__rows_that_cannot_be_used(bare: Path, case: str, sentence: str) -> None:
    page = bring(opened(), changed(case))
    assert sentence in page_text(page)
    rest = explored.brought()[np.arange(len(explored.brought())) % 5 != 0]
    found = metrics.scores(
        labels=model_evaluation.labels_array(rest),
        probabilities=rest["score"].to_numpy(),
        threshold=0.5,
    )
    assert headline(page)["Weighted F1"] == f"{found.weighted_f1:.3f}"


def choose(page: AppTest, column: str, value: str) -> AppTest:
    """Choose the heading of a column, or the meaning, of the file."""
    key = f"prediction_{column}_"
    next(box for box in page.selectbox if str(box.key).startswith(key)).set_value(value).run()
    return usable(page)


def test_brought__columns_are_shown_and_can_be_changed(bare: Path) -> None:
    table = explored.brought()
    call = np.where(table["score"] > 0.5, "all", "hem")
    page = bring(opened(), table.assign(true_label=table["label"], label=call))
    assert "actual 'true_label', probability 'score'" in page_text(page)
    assert headline(page) == expected_headline(0.5)
    choose(page, "label", "label")
    assert "actual 'label', probability 'score'" in page_text(page)
    assert headline(page)["Accuracy"] == "1.000"
    assert len(page.selectbox(key="model").options) == 2  # in place of the first import
    choose(page, "subject", "None")
    assert "There is no column for subjects" in page_text(page)


def test_brought__logits_are_refused_until_they_are_chosen_as_such(bare: Path) -> None:
    table = explored.brought()
    page = bring(opened(), table.assign(score=special.logit(table["score"])))
    assert "holds logits and no probabilities" in page_text(page)
    assert page.selectbox(key="model").value == "simulated"
    choose(page, "meaning", "Logit of ALL blast")
    assert "was converted from logits" in page_text(page)
    assert headline(page) == expected_headline(0.5)


def test_brought__exchanged_codes_wait_for_a_decision(bare: Path) -> None:
    table = explored.brought()
    names = [
        f"UID_{'H' * (label == 'hem')}{i}_1_1_{label}.bmp" for i, label in enumerate(table["label"])
    ]
    codes = table["label"].map({"all": 0, "hem": 1})
    page = bring(opened(), table.assign(file=names, label=codes))
    assert f"{len(table)} of {len(table)} labels contradict the names" in page_text(page)
    assert page.selectbox(key="model").value == "simulated"
    labels = next(box for box in page.text_input if box.label == "Labels")
    labels.set_value("0=dog").run()
    assert "write them as 0=all,1=hem, or as" in page_text(usable(page))
    labels.set_value("0=all,1=hem").run()
    assert headline(usable(page)) == expected_headline(0.5)


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("one class", "All cells are ALL blasts: without normal cells there is no specificity"),
        ("one subject", "All cells are of one subject ('P1')"),
        ("no subject", "There is no column for subjects"),
    ],
)
def test_brought__what_can_still_be_shown(bare: Path, case: str, sentence: str) -> None:
    page = bring(opened(), changed(case))
    assert sentence in page_text(page)
    value = headline(page)
    assert value["Sensitivity"] != "undefined"
    assert (value["AUROC"] == "undefined") == (case == "one class")
    said = of_views(page, "errors", "slices", "subjects", "figures", "calibration")
    assert (curves_view.ONE_CLASS in said["figures"]) == (case == "one class")


def test_brought__ids_that_match_no_picture(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = conftest.draw_folders(tmp_path / "data", subjects=4, cells=1)
    monkeypatch.setenv("ALLSCOPE_DATA", str(data))
    page = bring(opened(), explored.brought())
    assert cell_images.UNMATCHED in page_text(page)
    assert headline(page) == expected_headline(0.5)
