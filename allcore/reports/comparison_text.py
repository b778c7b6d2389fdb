"""Conclusions of a comparison in sentences: best network, its lead, and the training budget."""

import math
from collections.abc import Sequence
from dataclasses import replace

from allcore import formats
from allcore.evaluation.comparison import (
    BASELINE,
    NETWORKS,
    RANKED_BY,
    ComparisonRow,
    NetworkComparison,
    PairTest,
)
from allcore.evaluation.intervals import Interval

PAPER_NETWORK = "qcresnet"


def network_phrase(network: str) -> str:
    """Name of a network within a sentence."""
    return "area and brightness alone" if network == BASELINE else NETWORKS[network]


def best_network(comparison: NetworkComparison, protocol: str = "unseen") -> ComparisonRow | None:
    """Return the network with the highest weighted F1, baseline excluded."""
    rows = (row for row in comparison.ranked(protocol) if row.network != BASELINE)
    return next(rows, None)


def paired_test(
    comparison: NetworkComparison, a: str, b: str, protocol: str = "unseen"
) -> PairTest | None:
    """Return the test of two networks, oriented so that differences are a minus b, or None."""
    for test in comparison.tests:
        if test.protocol == protocol and (test.a, test.b) == (a, b):
            return test
        if test.protocol == protocol and (test.a, test.b) == (b, a):
            return replace(
                test,
                a=a,
                b=b,
                only_a_right=test.only_b_right,
                only_b_right=test.only_a_right,
                accuracy_difference=_less(test.accuracy_difference),
                auroc_difference=_less(test.auroc_difference),
            )
    return None


def answer_sentences(comparison: NetworkComparison) -> list[str]:
    """Conclusions: the best network on unseen subjects, its lead, and the effect of leakage."""
    winner = best_network(comparison)
    if winner is None:
        return [_only_paper(comparison)]
    return [_first(comparison, winner), *_leads(comparison, winner), *_leakage(comparison, winner)]


def budget_text(comparison: NetworkComparison) -> str:
    """Training budget of the networks, in words."""
    rows = [row for row in comparison.rows if row.epochs_to_95 is not None] or comparison.rows
    # Features and ensembles inherit the size of their networks; only training has epochs and
    # samples.
    inits = sorted({_INITS.get(row.init, f"weights of {row.init}") for row in rows})
    draws = " to ".join(_ends([row.samples for row in rows]))
    drawn = "all training cells" if draws == "0" else f"{draws} cells drawn anew"
    text = (
        f"Networks were trained for at most {_range(rows, 'epochs')} epochs of {drawn}, at "
        f"{_range(rows, 'size')} px, from {' or '.join(inits)}, seed {_range(rows, 'seed')}, on "
        f"{', '.join(sorted({row.device for row in rows}))}."
    )
    return f"{text} Figures say what this budget reaches, not what a network can reach."


def tested_text(comparison: NetworkComparison) -> str:
    """Test cells of each protocol, in words."""
    parts = []
    for protocol, how in _PROTOCOLS.items():
        rows = [row for row in comparison.rows if row.protocol == protocol]
        if rows:
            cells = formats.count(max(row.cells for row in rows), "test cell")
            people = formats.count(max(row.subjects for row in rows), "independent subject")
            parts.append(f"{how}: {cells} of {people}")
    names = ", ".join(sorted({row.data for row in comparison.rows}))
    return f"{names}. {'; '.join(parts)}."


def same_budget(comparison: NetworkComparison) -> bool:
    """Whether all rows share one data set and one budget, and so are comparable."""
    return len({(row.data_digest, row.budget) for row in comparison.rows}) <= 1


def pair_sentences(test: PairTest) -> list[str]:
    """Results of the paired tests of two networks, on cells and on subjects."""
    a, b = network_phrase(test.a), network_phrase(test.b)
    alike = test.cells - test.only_a_right - test.only_b_right
    units = "subjects" if test.protocol == "unseen" else "cells"
    return [
        f"Of {test.cells:,} cells, {alike:,} are predicted alike by both; {test.only_a_right:,} "
        f"are correct only by {a}, {test.only_b_right:,} only by {b}. McNemar's test gives "
        f"{_p_value(test.mcnemar_p)}, adjusted for all pairs (Holm) "
        f"{_p_value(test.mcnemar_p_holm)}; it takes cells as independent.",
        f"Accuracy of {a} less that of {b}: "
        f"{points_text(test.accuracy_difference)} (over {units}). "
        f"AUROC: {difference_text(test.auroc_difference)}. {pair_verdict(test)}",
    ]


def pair_verdict(test: PairTest) -> str:
    """Conclusion from the paired interval of the difference in accuracy."""
    units = "new subjects" if test.protocol == "unseen" else "new cells of these subjects"
    difference = test.accuracy_difference
    if difference.low > 0 or difference.high < 0:
        ahead = test.a if difference.low > 0 else test.b
        return f"On {units} {network_phrase(ahead)} can be expected to be correct more often."
    if math.isnan(difference.low):
        return "Without an interval nothing can be said of new ones."
    return f"On {units} either may be correct more often: the interval of accuracy includes 0."


def points_text(figure: Interval) -> str:
    """A difference of shares: "1.3 percentage points, −0.5 to 3.1"."""
    value, low, high = (100 * part for part in (figure.value, figure.low, figure.high))
    return f"{signed(value, 1)} percentage points, {_bounds(low, high, 1)}"


def difference_text(figure: Interval) -> str:
    """A difference of a metric: "0.013 (−0.005 to 0.031)"."""
    if math.isnan(figure.value):
        return "undefined"
    return f"{signed(figure.value, 3)} ({_bounds(figure.low, figure.high, 3)})"


def signed(value: float, digits: int) -> str:
    """Number with a typographic minus sign, and no sign before a rounded zero."""
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


_INITS = {"none": "random weights", "imagenet": "ImageNet weights"}
_PROTOCOLS = {"unseen": "Unseen subjects", "paper": "Paper's protocol, images split at random"}


def _first(comparison: NetworkComparison, winner: ComparisonRow) -> str:
    estimate = f"weighted F1 {_stated(winner.weighted_f1)}"
    baseline = comparison.row(BASELINE, "unseen")
    if baseline is not None and baseline.weighted_f1.value >= winner.weighted_f1.value:
        return (
            "On unseen subjects no network does better than area and brightness alone (weighted "
            f"F1 {baseline.weighted_f1.value:.3f}); {network_phrase(winner.network)} comes "
            f"next: {estimate}."
        )
    return f"{network_phrase(winner.network)} comes first on unseen subjects: {estimate}."


def _stated(figure: Interval) -> str:
    bounds = formats.bounds(figure)
    return f"{figure.value:.3f} ({bounds if 'no' in bounds else f'95 % interval {bounds}'})"


def _leads(comparison: NetworkComparison, winner: ComparisonRow) -> list[str]:
    """Lead of the winner over area and brightness, the paper's network, and the next best."""
    behind = [row.network for row in comparison.ranked("unseen") if row.network != winner.network]
    next_best = [network for network in behind if network != BASELINE][:1]
    rivals = dict.fromkeys([BASELINE, PAPER_NETWORK, *next_best])
    tests = [paired_test(comparison, winner.network, rival) for rival in rivals]
    known = [test for test in tests if test is not None]
    ahead = [test for test in known if test.accuracy_difference.low > 0]
    unsure = [_unsure(test) for test in known if test not in ahead]
    if not ahead:
        return unsure
    rivals_behind = _listed(
        [f"{network_phrase(test.b)} (by {points_text(test.accuracy_difference)})" for test in ahead]
    )
    return [f"It predicts more cells correctly than {rivals_behind}.", *unsure]


def _unsure(test: PairTest) -> str:
    difference, rival = test.accuracy_difference, network_phrase(test.b)
    if difference.high < 0:
        less = points_text(_less(difference))
        return f"Yet it predicts fewer cells correctly than {rival} (by {less})."
    return f"A lead in accuracy over {rival} is not shown: {points_text(difference)}."


def _leakage(comparison: NetworkComparison, winner: ComparisonRow) -> list[str]:
    known = (gap for gap in comparison.gaps if not math.isnan(gap.gap.value))
    gaps = {gap.network: gap for gap in known if gap.metric == RANKED_BY}
    gap = gaps.get(winner.network)
    if gap is None:
        return []
    text = (
        f"Where images are split at random it reaches {gap.paper:.3f}: leakage is worth "
        f"{difference_text(gap.gap)}"
    )
    worst = max(gaps.values(), key=lambda gap: gap.gap.value)
    if worst.network == winner.network:
        return [f"{text}{', the most of all' if len(gaps) > 1 else ''}."]
    return [
        f"{text}, and as much as {signed(worst.gap.value, 3)} for {network_phrase(worst.network)}."
    ]


def _only_paper(comparison: NetworkComparison) -> str:
    winner = best_network(comparison, "paper")
    if winner is None:
        return "No network has been compared yet, only area and brightness."
    return (
        "Which network is best on unseen subjects has not been measured. Where images are split "
        f"at random {network_phrase(winner.network)} comes first: "
        f"weighted F1 {_stated(winner.weighted_f1)}; "
        "there a network may know the subject."
    )


def _less(figure: Interval) -> Interval:
    """The difference with the opposite sign."""
    return Interval(-figure.value, -figure.high, -figure.low)


def _p_value(value: float) -> str:
    if math.isnan(value):
        return "no p value"
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _bounds(low: float, high: float, digits: int) -> str:
    if math.isnan(low) or math.isnan(high):
        return "no interval"
    return f"{signed(low, digits)} to {signed(high, digits)}"


def _listed(parts: Sequence[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def _range(rows: Sequence[ComparisonRow], field: str) -> str:
    return " to ".join(_ends([getattr(row, field) for row in rows]))


def _ends(values: Sequence[int]) -> list[str]:
    low, high = min(values), max(values)
    return [f"{low:,}"] if low == high else [f"{low:,}", f"{high:,}"]
