from pathlib import Path

from allcore import model_folder
from allcore.evaluation import model_evaluation
from allcore.reports import headline
from tests import simulated


def test_headline__without_a_paper_model(tmp_path: Path) -> None:
    folder = simulated.folder(tmp_path)
    found = headline.read_headline(folder)
    whole = model_evaluation.evaluate_model(
        model_folder.read_predictions(folder), model_folder.read_info(folder)
    ).test
    assert whole is not None
    assert found.paper is None
    assert "98.9 %" in found.citation
    assert found.unseen is not None
    assert found.unseen.accuracy == whole.estimate("accuracy").over_subjects
    assert found.unseen.subjects == 10
    assert "recognises the subject" in found.gap


def test_headline__with_a_paper_model(tmp_path: Path) -> None:
    folder = simulated.folder(tmp_path)
    paper = simulated.folder(tmp_path, name="simulated-paper")
    table = model_folder.read_predictions(paper)
    info = model_folder.read_info(paper)
    model_folder.write_info(paper, simulated.info(table, name=info.name))
    assert (
        headline.read_headline(folder).paper is None
    )  # split by subject: not the paper's protocol
    torn = simulated.torn(info.training)
    model_folder.write_info(paper, simulated.info(table, name=info.name, training=torn))
    found = headline.read_headline(folder)
    assert found.paper is not None
    assert found.unseen is not None
    width = found.unseen.accuracy.high - found.unseen.accuracy.low
    assert found.paper.accuracy.high - found.paper.accuracy.low < width
    assert "0.0 percentage points" in found.gap  # the same predictions in both folders


def test_headline__a_damaged_paper_model_takes_nothing_down(tmp_path: Path) -> None:
    folder = simulated.folder(tmp_path)
    paper = simulated.folder(tmp_path, name="simulated-paper")
    (paper / model_folder.INFO).write_text("{")
    assert headline.read_headline(folder).paper is None
