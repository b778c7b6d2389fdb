"""Results of the comparison of networks under both protocols.

`allcore.research.comparison` computes them; `allcore.reports.json_files` reads and writes them.
"""

import math
from dataclasses import dataclass, field

import pandas as pd

from allcore.evaluation import metrics
from allcore.evaluation.intervals import Interval
from allcore.nets import summaries

BASELINE = "area_brightness"
"""Boosted trees on area and brightness alone: the baseline of every network."""

PRETRAINED = {"qcresnet_pretrained": "qcresnet", "resnet18_pretrained": "resnet18"}
"""Architecture of each network that starts from loaded weights; others start from random ones."""

_TITLES = {name: network.title for name, network in summaries.architectures().items()}
NETWORKS = {
    **_TITLES,
    **{name: f"{_TITLES[base]}, pretrained" for name, base in PRETRAINED.items()},
    BASELINE: "Area and brightness",
}
"""Title of each network, in the order of every table."""

PROTOCOLS = {"paper": "Paper's image split", "unseen": "Unseen subjects"}
"""Title of each protocol, in the order of every table."""

RANKED_BY = "weighted_f1"
"""The metric by which networks are ranked, as in the C-NMC challenge."""
METRICS = ("accuracy", "weighted_f1", "auroc", "ece", "sensitivity", "specificity")
"""The metrics of a row, keys of ``allcore.evaluation.metrics.TITLES``."""

PREDICTION_COLUMNS = (
    "image_id", "subject", "group", "label", "network", "protocol", "fold", "logit", "probability",
)  # fmt: skip
HISTORY_COLUMNS = (
    "network", "protocol", "fold", "epoch", "seconds", "train_loss", "validation_loss",
    "validation_accuracy", "validation_auroc", "validation_auroc_balanced",
)  # fmt: skip


@dataclass(frozen=True)
class ComparisonRow:
    """Results of one network under one protocol."""

    network: str  # key of ``NETWORKS``
    # key of ``PROTOCOLS``; intervals are over cells for ``paper``, over subjects for ``unseen``
    protocol: str
    accuracy: Interval
    weighted_f1: Interval
    auroc: Interval
    ece: Interval
    sensitivity: Interval
    specificity: Interval
    command: str  # command line that computed the row
    cells: int  # number of test cells, each predicted once
    subjects: int  # number of independent subjects of the test cells
    folds: int  # number of runs over which the test cells are divided
    size: int  # side length of the input, pixels
    epochs: int  # maximum number of epochs of a run
    samples: int  # cells drawn in an epoch; 0 for the number of training cells
    init: str  # source of the initial weights: none, imagenet or a file name
    seed: int  # seed of splits and training
    device: str  # device used for training
    data: str  # name of the data set
    data_digest: str  # SHA-256 of its manifest
    budget: str  # digest of the training options that all networks share
    twins: int  # number of test cells with a near-duplicate among the training cells
    # training and validation cells excluded as near-duplicates of test cells, over all folds
    excluded: int
    seconds: float  # training time of all folds
    # median over folds of the first epoch, from 1, that reaches 95 % of the run's best validation
    # score; None without epochs
    epochs_to_95: float | None
    members: tuple[str, ...] = ()  # networks of an ensemble, or networks that supply the features

    def estimate(self, name: str) -> Interval:
        """Return the estimate of one of ``METRICS``."""
        estimate: Interval = getattr(self, name)
        return estimate


@dataclass(frozen=True)
class NetworkCost:
    """Parameters, multiply-adds of one cell, and cells per second in batches of 32.

    A value is None where it is unknown.
    """

    network: str
    parameters: int | None
    macs: int | None
    size: int
    images_per_second: float | None
    device: str


@dataclass(frozen=True)
class ProtocolGap:
    """Drop of a metric of one network from the paper's protocol to unseen subjects."""

    network: str
    metric: str
    paper: float
    unseen: float
    gap: Interval


@dataclass(frozen=True)
class PairTest:
    """Paired comparison of two networks on the same cells; differences are a minus b."""

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
    """The comparison: tables, history (one row per epoch), predictions (one row per cell)."""

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
        """Return the row of a network under a protocol, or None."""
        rows = (r for r in self.rows if (r.network, r.protocol) == (network, protocol))
        return next(rows, None)

    def ranked(self, protocol: str, metric: str = RANKED_BY) -> list[ComparisonRow]:
        """Return the rows of a protocol whose estimate is defined, best first."""
        rows = [row for row in self.rows if row.protocol == protocol]
        known = [row for row in rows if not math.isnan(row.estimate(metric).value)]
        sign = 1 if metric in metrics.LOWER_IS_BETTER else -1
        return sorted(known, key=lambda row: sign * row.estimate(metric).value)

    def networks(self) -> list[str]:
        """Return the networks that have rows, in the order of ``NETWORKS``."""
        present = {row.network for row in self.rows}
        return [name for name in NETWORKS if name in present]
