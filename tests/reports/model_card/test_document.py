from pathlib import Path

import pytest

from allcore import model_folder, notice
from allcore.evaluation import model_evaluation
from allcore.evaluation.model_evaluation import ModelEvaluation
from allcore.model_folder import ModelInfo
from allcore.reports.model_card import checklist, document
from allcore.reports.model_card import text as card_text
from allcore.reports.model_card.text import Bullets, Chapter, Code, Paragraph, Table
from tests import simulated

MODELS = Path(__file__).parents[3] / "models"


@pytest.fixture(scope="module")
def made() -> tuple[ModelInfo, ModelEvaluation]:
    table = simulated.predictions()
    info = simulated.info(table)
    return info, model_evaluation.evaluate_model(table, info)


def answers(info: ModelInfo, report: ModelEvaluation) -> list[dict[str, str]]:
    """Of both checklists: answer by item."""
    found = []
    for chapter in checklist.chapters(info, report):
        table = chapter.blocks[-1]
        assert isinstance(table, Table)
        found.append({number: answer for number, _, answer in table.rows})
    return found


def titles(info: ModelInfo, report: ModelEvaluation) -> list[str]:
    return [chapter.title for chapter in document.chapters(info, report)]


def test_card__stands_in_a_readers_order(made: tuple[ModelInfo, ModelEvaluation]) -> None:
    info, found = made
    text = document.card(info, found)
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "What it is", "Intended use", "Data", "Split and leakage", "Preprocessing",
        "Network and recipe", "Calibration and threshold", "Results", "Limits",
        "How to reproduce", *(checklist.read_checklist(name).title for name in checklist.NAMES),
    ]  # fmt: skip
    assert text.splitlines()[2] == f"**{notice.RESEARCH_USE}**"


def test_card__says_what_a_reader_needs(made: tuple[ModelInfo, ModelEvaluation]) -> None:
    info, found = made
    text = document.card(info, found)
    assert found.test is not None
    assert info.training["command"] in text
    assert f"| Weighted F1 | {found.test.estimate('weighted_f1').value:.3f} |" in text
    assert found.test.subjects[0].subject in text
    assert "101, 103" in text  # the test subjects by name
    assert info.weights_sha256 in text
    assert "Fixed for tests." in text
    assert "nan" not in text


def test_card__an_image_split_is_not_sold_as_unseen_subjects() -> None:
    table = simulated.predictions()
    training = simulated.info(table).training
    info = simulated.info(table, training=simulated.torn(training))
    text = document.card(info, model_evaluation.evaluate_model(table, info))
    assert text.count("do not say how the model does on a new subject") == 2  # split and limits


def test_card__claims_nothing_of_a_data_set_that_it_does_not_know(
    made: tuple[ModelInfo, ModelEvaluation],
) -> None:
    text = document.card(*made)
    assert "Nothing more is known of this data set here." in text
    assert "oncologist" not in text
    told = made[0].training | {"data": made[0].training["data"] | {"name": "C-NMC 2019"}}
    known = simulated.info(simulated.predictions(), training=told)
    assert "10.7937/tcia.2019.dc64i46r" in document.card(known, made[1])


def test_card__cells_of_other_subjects_are_another_data_set(
    made: tuple[ModelInfo, ModelEvaluation],
) -> None:
    info, found = made
    assert "tested on another" not in document.card(info, found)
    table = simulated.predictions()
    table["subject"] = table["group"] = "new" + table["subject"]
    elsewhere = model_evaluation.evaluate_model(table, info)
    assert "tested on another" in document.card(info, elsewhere)
    for before, after, internal, external in zip(
        answers(info, found), answers(info, elsewhere), ("32", "16"), ("33", ""), strict=True
    ):
        assert before[internal].startswith("Reported")
        assert after[internal].startswith("Not reported")
        if external:
            assert before[external].startswith("Not reported")
            assert after[external] == "Reported: Results"


def test_checklist__has_every_item_once(made: tuple[ModelInfo, ModelEvaluation]) -> None:
    claim, tripod = answers(*made)
    assert list(claim) == [str(number) for number in range(1, 45)]
    assert len(tripod) == len(checklist.read_checklist("tripod_ai").items) == 52
    assert {int(number.rstrip("abcdefg")) for number in tripod} == set(range(1, 28))


def test_checklist__points_only_at_chapters_there_are(
    made: tuple[ModelInfo, ModelEvaluation],
) -> None:
    there = titles(*made)
    items = [item for name in checklist.NAMES for item in checklist.read_checklist(name).items]
    for item in items:
        assert item.where in there or (not item.where and item.why), item
        assert not item.needs or item.why, item  # a fact may be missing: then it must say why
        assert item.applies or item.why, item


@pytest.mark.parametrize(
    ("field", "claim", "tripod"),
    [
        ("recipe", ("25",), ("12c", "13")),
        ("init", ("24",), ()),
        ("versions", ("23",), ()),
        ("best_epoch", ("26",), ()),
        ("data", ("7", "14", "16"), ("5a", "8a", "18e")),
    ],
)
def test_checklist__an_absent_field_is_not_reported(
    made: tuple[ModelInfo, ModelEvaluation],
    field: str,
    claim: tuple[str, ...],
    tripod: tuple[str, ...],
) -> None:
    info, found = made
    data = {"name": "C-NMC 2019", "digest": "f" * 64, "images": 1}
    recipe = {"epochs": 2, "subject_strength": 0.5}
    full = info.training | {"data": data, "best_epoch": 1, "recipe": recipe}
    bare = {key: value for key, value in full.items() if key != field}
    table = simulated.predictions()
    told, lacking = (simulated.info(table, training=each) for each in (full, bare))
    for with_it, without, items in zip(
        answers(told, found), answers(lacking, found), (claim, tripod), strict=True
    ):
        for item in items:
            assert with_it[item].startswith(("Reported", "In part")), item
            assert without[item].startswith("Not reported"), item
    assert "None" not in document.card(lacking, found)


def test_card__of_a_model_that_says_next_to_nothing() -> None:
    table = simulated.predictions()
    table["subject"] = None
    info = simulated.info(table, training={"split": {"kind": "subject"}})
    found = model_evaluation.evaluate_model(table, info)
    claim, tripod = answers(info, found)
    for number in ("7", "19", "23", "24", "25", "26", "39"):
        assert claim[number].startswith("Not reported"), number
    for number in ("12a", "12c", "12d", "13", "21", "23b"):
        assert tripod[number].startswith("Not reported"), number
    assert "model.json doesn't say which data" in document.card(info, found)


def test_card__of_an_out_of_fold_run_says_how_it_was_calibrated(
    made: tuple[ModelInfo, ModelEvaluation],
) -> None:
    info, found = made
    training = info.training | {"out_of_fold": 5, "best_epoch": 7}
    text = document.card(simulated.info(simulated.predictions(), training=training), found)
    assert "calibrated by Platt scaling on those of the other folds" in text
    assert "at the end of the schedule" in text


def test_checklist__counts_what_it_says(made: tuple[ModelInfo, ModelEvaluation]) -> None:
    chapter = checklist.chapters(*made)[0]
    text = chapter.blocks[0]
    assert isinstance(text, Paragraph)
    claim = answers(*made)[0].values()
    reported = sum(answer.startswith("Reported") for answer in claim)
    assert f"of 44, {reported} are reported" in text.text


def test_markdown__shows_names_as_they_were_typed() -> None:
    name = "a|b <img src=x> *c* [d](e) `f`\n# g &lt; _h_ i_j"
    text = card_text.markdown(
        [Chapter(name, (Paragraph(f"- {name}"), Bullets((name,)), Table(("x",), ((name,),))))]
    )
    shown = r"a\|b \<img src=x\> \*c\* \[d\](e) \`f\` # g \&lt; \_h\_ i_j"
    assert text == f"## {shown}\n\n\\- {shown}\n\n- {shown}\n\n| x |\n| --- |\n| {shown} |"


def test_markdown__a_command_cannot_leave_its_block() -> None:
    text = card_text.markdown([Chapter("x", (Code(("echo ```", "# y")),))])
    assert text == "## x\n\n````\necho ```\n# y\n````"


@pytest.mark.parametrize("name", ["qcresnet-cnmc", "qcresnet-cnmc-paper"])
def test_card__of_what_the_run_holds(name: str) -> None:
    info = model_folder.read_info(MODELS / name)
    predictions = model_folder.read_predictions(MODELS / name)
    text = document.card(info, model_evaluation.evaluate_model(predictions, info))
    assert "expert oncologist" in text
