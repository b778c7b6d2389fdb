"""What the QCResNet paper claims, beside what was measured here, and which of it holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from allcore.evaluation.comparison import NETWORKS, PROTOCOLS, NetworkComparison
from allcore.evaluation.intervals import Interval
from allcore.reports.comparison_text import PAPER_NETWORK, paired_test, points_text
from allcore.reports.headline import Headline, MeasuredAccuracy

REPORTED_ACCURACY = 0.989
RIVALS = ("lenet5", "alexnet", "vgg16", "googlenet", "resnet18")
"""The networks that the paper compares QCResNet with."""
PLAIN_HEAD = "resnet18"
HOLDS, FAILS, OPEN = "holds", "does not hold", "not shown"
UNMEASURED = "not measured"


@dataclass(frozen=True)
class PaperClaim:
    """A claim of the paper and the figures here, as text; the verdict is of unseen subjects."""

    claim: str
    image_split: str
    unseen: str
    verdict: str  # HOLDS, FAILS or OPEN


def judge(comparison: NetworkComparison, headline: Headline | None) -> tuple[PaperClaim, ...]:
    """Judge the claims on accuracy, rank, convergence and head.

    A difference is shown where its 95 % interval lies on one side of zero.

    Args:
        comparison: of networks at one budget.
        headline: of the installed model; None where there is none.
    """
    return (
        _accuracy(headline),
        _compared(comparison, "It is more accurate than each of the five others", RIVALS),
        _convergence(comparison),
        _compared(comparison, "Its head does better than one linear layer", (PLAIN_HEAD,)),
    )


def _accuracy(headline: Headline | None) -> PaperClaim:
    paper, unseen = (headline.paper, headline.unseen) if headline else (None, None)
    claim = f"{_percent(REPORTED_ACCURACY)} of cells are classified correctly"
    if unseen is None or not unseen.accuracy.known:
        verdict = OPEN
    else:
        verdict = HOLDS if unseen.accuracy.high >= REPORTED_ACCURACY else FAILS
    return PaperClaim(claim, _measured(paper), _measured(unseen), verdict)


def _measured(measured: MeasuredAccuracy | None) -> str:
    if measured is None:
        return UNMEASURED
    low, high = measured.accuracy.low, measured.accuracy.high
    bounds = f" ({_percent(low)} to {_percent(high)})" if measured.accuracy.known else ""
    return f"{_percent(measured.accuracy.value)}{bounds}"


def _compared(comparison: NetworkComparison, claim: str, rivals: Sequence[str]) -> PaperClaim:
    """The differences in accuracy to other networks under both protocols."""
    texts, differences = [], []
    for protocol in PROTOCOLS:
        tests = [paired_test(comparison, PAPER_NETWORK, rival, protocol) for rival in rivals]
        known = [test for test in tests if test is not None]
        lines = (f"{points_text(t.accuracy_difference)} to {NETWORKS[t.b]}" for t in known)
        texts.append("; ".join(lines) or UNMEASURED)
        if protocol == "unseen":
            differences = [test.accuracy_difference for test in known]
    paper, unseen = texts
    return PaperClaim(claim, paper, unseen, _ahead(differences, len(rivals)))


def _ahead(differences: Sequence[Interval], rivals: int) -> str:
    if any(difference.high < 0 for difference in differences):
        return FAILS
    ahead = sum(difference.low > 0 for difference in differences)
    return HOLDS if ahead == rivals else OPEN


def _convergence(comparison: NetworkComparison) -> PaperClaim:
    """Median epochs to 95 % of the best validation score; equal numbers show nothing."""
    texts, verdict = [], OPEN
    for protocol in PROTOCOLS:
        rows = [comparison.row(name, protocol) for name in (PAPER_NETWORK, *RIVALS)]
        epochs = {row.network: row.epochs_to_95 for row in rows if row and row.epochs_to_95}
        texts.append("; ".join(f"{NETWORKS[name]} {n:g}" for name, n in epochs.items()))
        own = epochs.pop(PAPER_NETWORK, None)
        if protocol == "unseen" and own and len(epochs) == len(RIVALS):
            first = min(epochs.values())
            verdict = HOLDS if own < first else FAILS if own > first else OPEN
    paper, unseen = (text or UNMEASURED for text in texts)
    return PaperClaim("It converges in fewer epochs than the five others", paper, unseen, verdict)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def summary(claims: Sequence[PaperClaim]) -> str:
    """One sentence that counts the verdicts."""
    verdicts = [claim.verdict for claim in claims]
    return (
        f"Claims of the QCResNet paper that hold on unseen subjects: {verdicts.count(HOLDS)} of "
        f"{len(claims)}; that do not: {verdicts.count(FAILS)}; not shown: {verdicts.count(OPEN)}."
    )
