"""Results of the comparison of networks under both protocols.

`allcore.research.comparison` computes them, `allcore.reports.json_files` reads and writes them.
"""

import math
from dataclasses import dataclass, field

import pandas as pd

from allcore.evaluation import metrics
from allcore.evaluation.intervals import Interval
from allcore.nets import summaries

BASELINE = "area_brightness"
"""Boosted trees on area and brightness alone, the network that all others are compared with."""

NETWORKS = {name: network.title for name, network in summaries.architectures().items()} | {
    BASELINE: "Area and brightness"
}
"""Title of each network, in the order of every table."""

PROTOCOLS = {"paper": "Paper's image split", "unseen": "Unseen subjects"}
"""Title of each protocol, in the order of every table."""

RANKED_BY = "weighted_f1"
"""The estimate by which networks are ranked, as the C-NMC challenge ranked them."""
METRICS = ("accuracy", "weighted_f1", "auroc", "ece", "sensitivity", "specificity")
"""The estimates of a row, keys of ``allcore.evaluation.metrics.TITLES``."""

PREDICTION_COLUMNS = (
    "image_id", "subject", "group", "label", "network", "protocol", "fold", "logit", "probability",
)  # fmt: skip
HISTORY_COLUMNS = (
    "network", "protocol", "fold", "epoch", "seconds", "train_loss", "validation_loss",
    "validation_accuracy", "validation_auroc", "validation_auroc_balanced",
)  # fmt: skip


@dataclass(frozen=True)
class ComparisonRow:
    """One network under one protocol.

    Attributes:
        network: key of ``NETWORKS``.
        protocol: key of ``PROTOCOLS``; intervals are over cells for ``paper``, over subjects for
            ``unseen``.
        command: the command line that made the row.
        cells: test cells, each predicted once.
        subjects: independent subjects they come from.
        folds: runs that the test cells are shared by.
        size: side of the input, pixels.
        epochs: at most so many a run.
        samples: cells drawn an epoch, 0 for as many as there are.
        init: where the weights began: none, imagenet or a file's name.
        seed: of splits and training.
        device: that trained.
        data: name of the data set.
        data_digest: SHA-256 of its manifest.
        budget: digest of every choice that all networks share.
        twins: test cells with a twin among the training cells.
        excluded: training and validation cells left out as twins of test cells, over all folds.
        seconds: training, all folds together.
        epochs_to_95: median over folds of the first epoch, from 1, that reaches 95 % of the run's
            best validation score; None where there are no epochs.
        members: networks that an ensemble is made of, or whose features are used.
    """

    network: str
    protocol: str
    accuracy: Interval
    weighted_f1: Interval
    auroc: Interval
    ece: Interval
    sensitivity: Interval
    specificity: Interval
    command: str
    cells: int
    subjects: int
    folds: int
    size: int
    epochs: int
    samples: int
    init: str
    seed: int
    device: str
    data: str
    data_digest: str
    budget: str
    twins: int
    excluded: int
    seconds: float
    epochs_to_95: float | None
    members: tuple[str, ...] = ()

    def estimate(self, name: str) -> Interval:
        """One of ``METRICS`` by name."""
        estimate: Interval = getattr(self, name)
        return estimate


@dataclass(frozen=True)
class NetworkCost:
    """What a network costs: parameters, multiply-adds a cell, cells a second in batches of 32.

    None where it can't be said.
    """

    network: str
    parameters: int | None
    macs: int | None
    size: int
    images_per_second: float | None
    device: str


@dataclass(frozen=True)
class ProtocolGap:
    """How much a network's figure falls from the paper's protocol to unseen subjects."""

    network: str
    metric: str
    paper: float
    unseen: float
    gap: Interval


@dataclass(frozen=True)
class PairTest:
    """Two networks on the same cells; differences are a less b."""

    a: str
    b: str
    protocol: str
    cells: int
    only_a_right: int
    only_b_right: int
    mcnemar_p: float
    mcnemar_p_holm: float
    accuracy_difference: Interval
    auroc_difference: Interval


@dataclass(frozen=True)
class NetworkComparison:
    """All of it: the tables, one history row an epoch, one prediction row a test cell."""

    rows: tuple[ComparisonRow, ...] = ()
    costs: tuple[NetworkCost, ...] = ()
    gaps: tuple[ProtocolGap, ...] = ()
    tests: tuple[PairTest, ...] = ()
    history: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=list(HISTORY_COLUMNS))
    )
    predictions: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=list(PREDICTION_COLUMNS))
    )

    def row(self, network: str, protocol: str) -> ComparisonRow | None:
        """The row of a network under a protocol, if there is one."""
        rows = (r for r in self.rows if (r.network, r.protocol) == (network, protocol))
        return next(rows, None)

    def ranked(self, protocol: str, metric: str = RANKED_BY) -> list[ComparisonRow]:
        """The rows of a protocol whose estimate is defined, best first."""
        rows = [row for row in self.rows if row.protocol == protocol]
        known = [row for row in rows if not math.isnan(row.estimate(metric).value)]
        sign = 1 if metric in metrics.LOWER_IS_BETTER else -1
        return sorted(known, key=lambda row: sign * row.estimate(metric).value)

    def networks(self) -> list[str]:
        """The networks there are rows for, in the order of ``NETWORKS``."""
        present = {row.network for row in self.rows}
        return [name for name in NETWORKS if name in present]
