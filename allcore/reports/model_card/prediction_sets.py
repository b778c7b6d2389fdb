"""The chapter of a card on prediction sets: how often they hold the truth."""

from allcore import formats
from allcore.evaluation import conformal
from allcore.evaluation.conformal import Coverage
from allcore.evaluation.estimates import Estimate
from allcore.evaluation.model_evaluation import ModelEvaluation
from allcore.reports.model_card.text import Chapter, Paragraph, Table

TITLE = "Prediction sets at 95 %"
WORST = 3
_KNOWN = (
    "The held-out cells are of subjects that training saw, so the sets hold for new images of "
    "these subjects only, not for anybody else's."
)
_HEAD = (
    "Rule", "Covered (over subjects)", "ALL blasts covered", "Normal covered", "Can't tell",
)  # fmt: skip


def chapters(report: ModelEvaluation) -> tuple[Chapter, ...]:
    """One chapter; none where coverage could not be tested."""
    found = conformal.kept(report.coverage)
    if found is None:
        return ()
    rows = tuple(_row(each) for each in report.coverage)
    blocks = (Paragraph(in_words(found)), Paragraph(_how(found)), Table(_HEAD, rows))
    return (Chapter(TITLE, blocks, level=3),)


def in_words(found: Coverage) -> str:
    """What the sets promise, what they keep, and what that costs."""
    tested = "subjects that the limits never saw" if found.new_subjects else "held-out images"
    said = (
        "Beside its verdict the model gives the classes that can't be ruled out at 95 %: ALL "
        f"blast, normal, or both (can't tell). Tested on cells of {tested}, the set holds the true "
        f"class for {_share(found.overall)} of {found.cells:,} cells ({_share(found.blast)} of ALL "
        f"blasts, {_share(found.normal)} of normal cells). For {_share(found.unsure)} of cells it "
        f"is both; sets have {found.size:.2f} classes on average."
    )
    if not found.new_subjects:
        return f"{said} {_KNOWN}"
    least = ", ".join(
        f"{row.subject} {100 * row.accuracy.value:.0f} % of {row.cells}"
        for row in found.worst[:WORST]
    )
    on_average = "The promise is kept on average, not for every subject; least for"
    return f"{said} {on_average} {least}." if least else said


def _how(found: Coverage) -> str:
    said = (
        "Split conformal prediction: a class stays possible unless the network gives it less than "
        "it gives to all but 5 % of that class's held-out cells. For the test, each "
        f"{'fold' if found.new_subjects else 'part'}'s cells get limits from the others. The rules "
        "were compared on these same cells, which flatters the one in use a little."
    )
    if not found.new_subjects:
        return said
    return (
        f"{said} Raised: the level is raised until it holds for each subject among those that the "
        "limits come from, by the limits of the others."
    )


def _row(found: Coverage) -> tuple[str, ...]:
    mark = " (in use)" if found.rule == conformal.in_use(found.new_subjects) else ""
    figures = (found.overall, found.blast, found.normal, found.unsure)
    return (f"{found.rule.name}{mark}", *(_figure(each) for each in figures))


def _figure(figure: Estimate) -> str:
    return f"{figure.value:.3f} ({formats.bounds(figure.over_subjects)})"


def _share(figure: Estimate) -> str:
    """A share with its interval over subjects: "94.2 % (86.4 to 97.6)"."""
    said = f"{100 * figure.value:.1f} %"
    if not figure.over_subjects.known:
        return said
    return f"{said} ({100 * figure.over_subjects.low:.1f} to {100 * figure.over_subjects.high:.1f})"
