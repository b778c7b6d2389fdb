"""Chapters of a card on results: estimates, prediction sets, and the gate."""

import math
from collections.abc import Mapping
from typing import Any

from allcore import formats
from allcore.evaluation import conformal, metrics
from allcore.evaluation.conformal import Coverage
from allcore.evaluation.estimates import Estimate
from allcore.evaluation.model_evaluation import ModelEvaluation, SplitEvaluation
from allcore.labels import CLASS_NAMES
from allcore.reports.model_card.text import Chapter, Paragraph, Table

TITLE, SETS_TITLE, GATE_TITLE = "Results", "Prediction sets at 95 %", "What it refuses"
HEADLINE = ("accuracy", "weighted_f1", "auroc", "sensitivity", "specificity")

_WORST_SUBJECTS, _LEAST_COVERED = 5, 3
_INTRODUCTION = (
    "Each figure has two 95 % intervals: over cells (how well it is known for these very "
    "subjects) and over subjects (what to expect of other subjects; the one to go by). "
    "Shares have Wilson's interval over cells, the AUROC DeLong's, the others a bootstrap; "
    "over subjects, whole subjects are drawn anew within their class."
)
_ESTIMATES_HEAD = (
    "Figure", "Value", "Interval over cells", "Interval over subjects",
    "Area and brightness only (over subjects)",
)  # fmt: skip
_SETS_HEAD = (
    "Rule", "Covered (over subjects)", "ALL blasts covered", "Normal covered", "Can't tell",
)  # fmt: skip
_SCOPES = {
    False: "The held-out cells are of subjects that training saw, so the sets hold for new images "
    "of these subjects only, not for anybody else's.",
    None: "The subjects of these cells or of the training cells are unknown, so nobody can say "
    "whether the sets hold for unseen subjects.",
}
_GATE_METHOD = (
    "A picture is answered only where it can be read, shows one cell on black, whole, well exposed "
    "and in focus, and where what the network reads in it lies near what it read in training cells "
    "(Mahalanobis distance). Limits come from training cells, that of the distance from validation "
    "cells."
)
_OOD_SCORES = {
    "mahalanobis": "Mahalanobis distance (in use)",
    "nearest": "Distance to the nearest cells",
    "energy": "Energy of the answer",
}


def chapters(evaluation: ModelEvaluation) -> tuple[Chapter, ...]:
    """Results of both splits, and the subjects with the lowest accuracy."""
    splits = splits_of(evaluation)
    introduction = _INTRODUCTION
    if any(split.baseline for split in splits):
        introduction += (
            " The baseline is a set of boosted trees that see only a cell's area and brightness, "
            f"at its own threshold of {evaluation.baseline_threshold:.3f}."
        )
    return (
        Chapter(TITLE, (Paragraph(introduction),)),
        *map(_split_chapter, splits),
        *_worst_subjects(splits[0]),
    )


def intervals_text(split: SplitEvaluation) -> str:
    """Which of the two intervals a reader goes by."""
    if split.independent_subjects is None:
        return "95 % intervals. Subjects are unknown, so nothing is said of a new subject."
    return "95 % intervals. Over subjects is the one to go by for a new subject."


def splits_of(evaluation: ModelEvaluation) -> tuple[SplitEvaluation, ...]:
    """Splits with cells, test first."""
    splits = (evaluation.test, evaluation.validation)
    return tuple(split for split in splits if split is not None)


def headline_text(split: SplitEvaluation) -> str:
    """The headline estimates in one sentence, with both intervals."""
    texts = [
        f"{metrics.TITLES[estimate.name]} {estimate.value:.3f} ({formats.both_bounds(estimate)})"
        for estimate in map(split.estimate, HEADLINE)
        if not math.isnan(estimate.value)
    ]
    return f"{formats.SPLITS[split.split]}, {split.size_text}: {'; '.join(texts)}."


def prediction_set_chapters(evaluation: ModelEvaluation) -> tuple[Chapter, ...]:
    """Chapter on prediction sets; none where coverage could not be tested."""
    coverage = conformal.coverage_in_use(evaluation.coverage)
    if coverage is None:
        return ()
    rows = tuple(map(_coverage_row, evaluation.coverage))
    texts = (Paragraph(coverage_text(coverage)), Paragraph(_sets_method(coverage)))
    return (Chapter(SETS_TITLE, (*texts, Table(_SETS_HEAD, rows)), level=3),)


def coverage_text(coverage: Coverage) -> str:
    """Coverage of prediction sets and share of sets with both classes, in words."""
    tested = "subjects that the limits never saw" if coverage.new_subjects else "held-out images"
    text = (
        "Beside its verdict the model gives the classes that can't be ruled out at 95 %: ALL "
        f"blast, normal, or both (can't tell). Tested on cells of {tested}, the set holds the true "
        f"class for {_share(coverage.overall)} of {coverage.cells:,} cells "
        f"({_share(coverage.blast)} of ALL blasts, {_share(coverage.normal)} of normal cells). For "
        f"{_share(coverage.unsure)} of cells it is both; sets have {coverage.size:.2f} classes on "
        "average."
    )
    if not coverage.new_subjects:
        return f"{text} {_SCOPES[coverage.new_subjects]}"
    least = ", ".join(
        f"{row.subject} {100 * row.accuracy.value:.0f} % of {row.cells}"
        for row in coverage.worst[:_LEAST_COVERED]
    )
    on_average = "The promise is kept on average, not for every subject; least for"
    return f"{text} {on_average} {least}." if least else text


def gate_chapters(gate: Mapping[str, Any] | None) -> tuple[Chapter, ...]:
    """Chapter on the content of ``gate.json``; none for a model without a gate."""
    if gate is None:
        return ()
    scores = gate["methods"]
    head = ("Picture", "Shown", "Refused by all checks", *(_OOD_SCORES[name] for name in scores))
    rows = []
    for kind, share in gate["strangers"].items():
        # By each OOD score, of the samples that pass the earlier checks.
        refused = (score["refused"].get(kind) for score in scores.values())
        texts = ("none left" if part is None else _percent(part) for part in refused)
        rows.append((kind, f"{share['n']:,}", _percent(share["value"]), *texts))
    blocks = (
        Paragraph(f"{_GATE_METHOD} {gate_text(gate)}"),
        Table(head, tuple(rows)),
        Paragraph(f"Made by `{gate['command']}`."),
    )
    return (Chapter(GATE_TITLE, blocks, level=3),)


def gate_text(gate: Mapping[str, Any]) -> str:
    """Share of held-out cells that pass the gate, and the subjects with the lowest shares."""
    share, over = gate["accepted"], "cells" if gate.get("subjects", 1) is None else "subjects"
    text = (
        f"{100 * share['value']:.1f} % ({100 * share['low']:.1f} to {100 * share['high']:.1f}, "
        f"over {over}) of {gate['cells']:,} held-out cells pass, judged on {gate['judged_on']}."
    )
    low = gate["accepted_by_subject"]
    if not low:
        return text
    least = ", ".join(f"{subject} ({100 * share:.0f} %)" for subject, share in low.items())
    return f"{text} Fewer than nine in ten pass of {least}."


def _split_chapter(split: SplitEvaluation) -> Chapter:
    baseline = {estimate.name: estimate for estimate in split.baseline}
    rows = tuple(
        (
            metrics.TITLES[name],
            formats.number(estimate.value),
            formats.bounds(estimate.over_cells),
            formats.bounds(estimate.over_subjects),
            formats.estimate(baseline[name].over_subjects) if baseline else "not measured",
        )
        for estimate in split.estimates
        for name in [estimate.name]
    )
    counts = split.confusion
    text = (
        f"Of {split.blast.cells:,} ALL blasts {int(counts.tp):,} were predicted ALL blast; of "
        f"{split.normal.cells:,} normal cells {int(counts.tn):,} were predicted normal."
    )
    paragraphs = map(Paragraph, (text, *split.notes))
    title = f"{formats.SPLITS[split.split]}: {split.size_text}"
    return Chapter(title, (Table(_ESTIMATES_HEAD, rows), *paragraphs), level=3)


def _worst_subjects(split: SplitEvaluation) -> tuple[Chapter, ...]:
    if not split.subjects:
        return ()
    below = sum(row.accuracy.value < 0.5 for row in split.subjects)
    text = (
        f"Fewer than half of the cells are predicted correctly for {below} of "
        f"{formats.count(len(split.subjects), 'subject')}. Intervals are Wilson's, over a "
        "subject's cells."
    )
    rows = tuple(
        (row.subject, CLASS_NAMES[row.label], formats.share(row.accuracy, row.cells))
        for row in split.subjects[:_WORST_SUBJECTS]
    )
    title = f"Worst subjects ({formats.SPLITS[split.split].lower()})"
    table = Table(("Subject", "Class", "Correct"), rows)
    return (Chapter(title, (Paragraph(text), table), level=3),)


def _sets_method(coverage: Coverage) -> str:
    text = (
        "Split conformal prediction: a class stays possible unless the network gives it less than "
        "it gives to all but 5 % of that class's held-out cells. For the test, each "
        f"{'fold' if coverage.new_subjects else 'part'}'s cells get limits from the others. The "
        "rules were compared on these same cells, which flatters the one in use a little."
    )
    if not coverage.new_subjects:
        return text
    return (
        f"{text} Raised: the level is raised until it holds for each subject among those that the "
        "limits come from, by the limits of the others."
    )


def _coverage_row(coverage: Coverage) -> tuple[str, ...]:
    mark = " (in use)" if coverage.rule == conformal.rule_in_use(coverage.new_subjects) else ""
    estimates = (coverage.overall, coverage.blast, coverage.normal, coverage.unsure)
    shares = (f"{share.value:.3f} ({formats.bounds(share.over_subjects)})" for share in estimates)
    return (f"{coverage.rule.name}{mark}", *shares)


def _share(estimate: Estimate) -> str:
    """A share with its interval over subjects: "94.2 % (86.4 to 97.6)"."""
    interval = estimate.over_subjects
    if not interval.known:
        return _percent(estimate.value)
    return f"{_percent(estimate.value)} ({100 * interval.low:.1f} to {100 * interval.high:.1f})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
