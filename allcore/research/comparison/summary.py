"""Summary of finished runs: calibrated predictions, estimates, gaps and paired tests."""

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.evaluation import estimates, paired
from allcore.evaluation.comparison import (
    HISTORY_COLUMNS,
    METRICS,
    NETWORKS,
    PREDICTION_COLUMNS,
    PROTOCOLS,
    PairTest,
    ProtocolGap,
)
from allcore.evaluation.intervals import Interval
from allcore.evaluation.paired import ResampledMetrics
from allcore.training import calibration

THRESHOLD = 0.5
"""Calibrated probability from which a cell is called a blast, fixed in advance."""
REACHED = 0.95
SCORE = "validation_auroc_balanced"


def calibrated(table: pd.DataFrame) -> pd.DataFrame:
    """Calibrate one split's cells; adds ``log_odds`` and ``probability``.

    Args:
        table: image_id, group, label, split (validation or test) and logit; Platt scaling is
            fitted on the validation cells.
    """
    rows = table[table["split"] == "validation"]
    platt = calibration.fit_platt(
        rows["logit"].to_numpy(dtype=float),
        _labels(rows),
        rows["group"].to_numpy(dtype=str),
    )
    logits = table["logit"].to_numpy(dtype=float)
    return table.assign(log_odds=platt.log_odds(logits), probability=platt.probability(logits))


def ensemble(members: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One split's cells with the mean of the members' calibrated log-odds as their logit.

    Args:
        members: tables of ``calibrated`` with the same cells in the same order.
    """
    mean = np.mean([table["log_odds"].to_numpy() for table in members], axis=0)
    return members[0].assign(logit=mean)


def predictions(table: pd.DataFrame, *, network: str, protocol: str, fold: int) -> pd.DataFrame:
    """Test cells of a ``calibrated`` table with ``PREDICTION_COLUMNS``.

    Logit and probability are rounded to float32, so that estimates from memory and from the file
    are equal.
    """
    test = table[table["split"] == "test"]
    test = test.assign(network=network, protocol=protocol, fold=fold)
    table = test[list(PREDICTION_COLUMNS)].astype({"logit": np.float32, "probability": np.float32})
    return table.reset_index(drop=True)


def history(
    epochs: Sequence[Mapping[str, float]], *, network: str, protocol: str, fold: int
) -> pd.DataFrame:
    """A run's epochs with ``HISTORY_COLUMNS``: counted from 1, with seconds since its start."""
    table = pd.DataFrame(epochs).assign(network=network, protocol=protocol, fold=fold)
    table["epoch"] += 1
    table["seconds"] = table["seconds"].cumsum()
    return table.reindex(columns=list(HISTORY_COLUMNS))


def epochs_to_95(epochs: pd.DataFrame) -> float | None:
    """Median over runs of the first epoch that reaches 95 % of the run's best validation score.

    Args:
        epochs: history of one network under one protocol; None where it has no epochs.
    """
    first = []
    for _, run in epochs.groupby("fold"):
        reached = run[SCORE] >= REACHED * run[SCORE].max()
        if reached.any():
            first.append(run.loc[reached, "epoch"].min())
    return float(np.median(first)) if first else None


def row_estimates(cells: pd.DataFrame) -> dict[str, Interval]:
    """The ``METRICS`` of one network's predictions under one protocol.

    Intervals are over cells for ``paper``, over groups of subjects for ``unseen``.
    """
    over_subjects = _is_unseen(cells)
    sample = estimates.make_sample(
        labels=_labels(cells),
        probabilities=cells["probability"].to_numpy(dtype=float),
        subjects=cells["group"].to_numpy(dtype=str) if over_subjects else None,
    )
    computed = (*estimates.at_threshold(sample, THRESHOLD), *estimates.threshold_free(sample))
    return {
        estimate.name: estimate.over_subjects if over_subjects else estimate.over_cells
        for estimate in computed
        if estimate.name in METRICS
    }


def gaps(table: pd.DataFrame) -> tuple[ProtocolGap, ...]:
    """Difference of each estimate of each network between ``paper`` and ``unseen``.

    Args:
        table: predictions of any networks.
    """
    resampled = _resampled(table)
    return tuple(
        ProtocolGap(
            network=network,
            metric=metric,
            paper=resampled[network, "paper"].value[metric],
            unseen=resampled[network, "unseen"].value[metric],
            gap=paired.unpaired_difference(
                resampled[network, "paper"], resampled[network, "unseen"], metric
            ),
        )
        for network in NETWORKS
        if all((network, protocol) in resampled for protocol in PROTOCOLS)
        for metric in paired.COMPARED_METRICS
    )


def tests(table: pd.DataFrame) -> tuple[PairTest, ...]:
    """Paired tests of all networks under each protocol, on the cells that both predicted.

    Args:
        table: predictions of any networks.
    """
    resampled = _resampled(table)
    pair_tests: list[PairTest] = []
    for protocol in PROTOCOLS:
        right = {
            network: _right(cells) for (network, of), cells in _by_run(table) if of == protocol
        }
        pairs = list(itertools.combinations([n for n in NETWORKS if n in right], 2))
        mcnemar = [paired.mcnemar_test(a_right=right[a], b_right=right[b]) for a, b in pairs]
        holm = paired.holm(np.array([test.p for test in mcnemar]))
        for (a, b), test, adjusted in zip(pairs, mcnemar, holm, strict=True):
            one, other = resampled[a, protocol], resampled[b, protocol]
            pair_tests.append(
                PairTest(
                    a=a,
                    b=b,
                    protocol=protocol,
                    cells=len(right[a]),
                    only_a_right=test.only_a,
                    only_b_right=test.only_b,
                    mcnemar_p=test.p,
                    mcnemar_p_holm=float(adjusted),
                    accuracy_difference=paired.paired_difference(one, other, "accuracy"),
                    auroc_difference=paired.paired_difference(one, other, "auroc"),
                )
            )
    return tuple(pair_tests)


def _resampled(table: pd.DataFrame) -> dict[tuple[str, str], ResampledMetrics]:
    """Resampled metrics of each run; networks of one protocol share cells, order and resamples."""
    return {
        key: paired.resample_metrics(
            labels=_labels(cells),
            probabilities=cells["probability"].to_numpy(dtype=float),
            subjects=cells["group"].to_numpy(dtype=str) if _is_unseen(cells) else None,
            threshold=THRESHOLD,
        )
        for key, cells in _by_run(table)
    }


def _by_run(table: pd.DataFrame) -> Iterable[tuple[tuple[str, str], pd.DataFrame]]:
    ordered = table.sort_values("image_id", kind="stable")
    for (network, protocol), cells in ordered.groupby(["network", "protocol"]):
        yield (str(network), str(protocol)), cells


def _is_unseen(cells: pd.DataFrame) -> bool:
    return bool((cells["protocol"] == "unseen").all())


def _labels(cells: pd.DataFrame) -> NDArray[np.int64]:
    return np.where(cells["label"] == "all", 1, 0)


def _right(cells: pd.DataFrame) -> NDArray[np.bool_]:
    called = cells["probability"].to_numpy(dtype=float) >= THRESHOLD
    return np.asarray(called == (_labels(cells) == 1))
