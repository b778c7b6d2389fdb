import math

from allcore.evaluation import intervals, subject_shares


def test_shares__counts_each_subject_by_itself() -> None:
    verdicts = ["all"] * 3 + ["hem", "refused"] + ["hem"] * 2 + ["refused"] + ["all"]
    whose = ["A"] * 5 + ["B"] * 2 + ["C"] + [None]
    first, second, third, unknown = subject_shares.subject_shares(verdicts, whose, least=2)  # type: ignore[arg-type]
    assert (first.subject, first.answered, first.blasts, first.refused) == ("A", 4, 3, 1)
    assert first.share == intervals.wilson(3, 4) and first.enough
    assert first.words == "3 of 4 (75 %, 95 % interval 30 to 95)"
    assert (second.subject, second.share.value) == ("B", 0)
    assert (third.subject, third.answered, third.refused, third.enough) == ("C", 0, 1, False)
    assert math.isnan(third.share.value)
    assert unknown.subject is None and unknown.words == "1 of 1, too few cells"


def test_shares__are_said_from_the_number_of_cells_asked_for() -> None:
    nineteen, twenty = ["all"] * 19, ["all"] * 20
    assert not subject_shares.subject_shares(nineteen, ["A"] * 19)[0].enough  # type: ignore[arg-type]
    assert subject_shares.subject_shares(twenty, ["A"] * 20)[0].enough  # type: ignore[arg-type]


def test_shares__puts_the_highest_first_and_too_few_behind() -> None:
    verdicts = ["hem", "hem", "all", "all", "all", "hem", "hem"]
    whose = ["low", "low", "high", "high", "few", "more", None]
    order = [share.subject for share in subject_shares.subject_shares(verdicts, whose, least=2)]  # type: ignore[arg-type]
    assert order == ["high", "low", "few", "more", None]
