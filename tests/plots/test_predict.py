from allcore.evaluation import subjects
from allcore.evaluation.subjects import SubjectShare
from allcore.plots import predict


def shares() -> tuple[SubjectShare, ...]:
    verdicts = ["all"] * 3 + ["hem"] + ["hem"] * 4 + ["all"] + ["all"] * 4
    whose = ["<b>A"] * 4 + ["B"] * 4 + ["few"] + [None] * 4
    return subjects.subject_shares(verdicts, whose, least=4)  # type: ignore[arg-type]


def test_subject_shares__draws_those_with_enough_cells_lowest_first() -> None:
    figure = predict.subject_shares(shares())
    assert figure is not None
    points = figure.data[0]
    assert list(points.y) == [0.0, 0.75]
    low = subjects.intervals.wilson(3, 4).low
    assert points.error_y.arrayminus[1] == 0.75 - low
    assert list(figure.layout.xaxis.ticktext) == ["B", "&lt;b&gt;A"]
    title = figure.layout.title.text.replace("<br>", " ")
    assert "Blast shares of 2 subjects run from 0 % to 75 %" in title


def test_subject_shares__of_one_subject_and_of_none() -> None:
    one = predict.subject_shares(shares()[:1])
    assert one is not None and "75 % of subject" in one.layout.title.text.replace("<br>", " ")
    assert predict.subject_shares(shares()[2:]) is None
    assert predict.subject_shares([]) is None
