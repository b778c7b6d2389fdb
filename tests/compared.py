"""A comparison that never was, for the page and the figures that show one."""

import itertools

import numpy as np
import pandas as pd
from scipy import special

from allcore.evaluation import metrics
from allcore.evaluation.comparison import (
    METRICS,
    NETWORKS,
    ComparisonRow,
    NetworkComparison,
    NetworkCost,
    PairTest,
    ProtocolGap,
)
from allcore.evaluation.intervals import Interval
from tests import simulated

# How well each network orders the cells: unseen subjects, and what leakage adds.
SKILL = {
    "qcresnet": (1.5, 1.2),
    "resnet18": (1.6, 1.1),
    "lenet5": (0.9, 0.3),
    "alexnet": (1.1, 0.9),
    "vgg16": (1.4, 1.0),
    "googlenet": (1.3, 1.0),
    "eca_vgg16": (1.45, 1.0),
    "pyramid": (1.0, 0.5),
    "logistic": (1.2, 0.8),
    "svm": (1.25, 0.9),
    "ensemble": (1.8, 1.2),
    "area_brightness": (1.05, 0.05),
}
TRAINED = tuple(SKILL)[:8]
EPOCHS = 6


def comparison(
    networks: tuple[str, ...] = tuple(NETWORKS), protocols: tuple[str, ...] = ("paper", "unseen")
) -> NetworkComparison:
    """A comparison of simulated predictions; intervals are drawn, not computed."""
    predictions = pd.concat(
        [_predictions(network, protocol) for network in networks for protocol in protocols],
        ignore_index=True,
    )
    rows = {
        (network, protocol): _row(network, protocol, part)
        for (network, protocol), part in predictions.groupby(["network", "protocol"])
    }
    return NetworkComparison(
        rows=tuple(rows[network, protocol] for network in networks for protocol in protocols),
        costs=tuple(_cost(number, network) for number, network in enumerate(networks)),
        gaps=tuple(_gaps(rows, networks)) if len(protocols) == 2 else (),
        tests=tuple(
            _test(rows, predictions, a, b, protocol)
            for protocol in protocols
            for a, b in itertools.combinations(networks, 2)
        ),
        history=pd.concat(
            [_history(n, p) for n in networks if n in TRAINED for p in protocols] or [_history()],
            ignore_index=True,
        ),
        predictions=predictions,
    )


def _predictions(network: str, protocol: str) -> pd.DataFrame:
    random = np.random.default_rng([list(SKILL).index(network), protocol == "paper"])
    cells = simulated.predictions(all_subjects=10, normal_subjects=7)
    unseen, leakage = SKILL[network]
    skill = unseen + (leakage if protocol == "paper" else 0)
    sign = np.where(cells["label"] == "all", 1.0, -1.0)
    of_subject = cells.groupby("subject")["logit"].transform("mean") - 1.4 * sign
    spread = 1.0 if protocol == "unseen" else 0.2
    logit = skill * sign + spread * of_subject + random.normal(0, 1.0, len(cells))
    fold = pd.factorize(cells["subject"])[0] % 5 if protocol == "unseen" else 0
    columns = cells[["image_id", "subject", "group", "label"]]
    return columns.assign(
        network=network,
        protocol=protocol,
        fold=fold,
        logit=logit,
        probability=special.expit(1.4 * logit),
    )


def _row(network: str, protocol: str, cells: pd.DataFrame) -> ComparisonRow:
    scores = metrics.scores(
        labels=(cells["label"] == "all").to_numpy().astype(int),
        probabilities=cells["probability"].to_numpy(),
        threshold=0.5,
    )
    half = 0.008 if protocol == "paper" else 0.03
    found = {name: _figure(getattr(scores, name), half) for name in METRICS}
    return ComparisonRow(
        network=network,
        protocol=protocol,
        **found,
        command="python -m allcore compare --data DIR --epochs 6",
        cells=len(cells),
        subjects=cells["group"].nunique(),
        folds=cells["fold"].nunique(),
        size=64,
        epochs=EPOCHS,
        samples=500,
        init="none",
        seed=0,
        device="cpu",
        data="Simulated cells",
        data_digest="f" * 64,
        budget="b" * 64,
        twins=0,
        excluded=0,
        seconds=90.0,
        epochs_to_95=3.0 if network in TRAINED else None,
    )


def _figure(value: float, half: float) -> Interval:
    return Interval(value, max(0.0, value - half), min(1.0, value + half))


def _cost(number: int, network: str) -> NetworkCost:
    if network == "area_brightness":
        return NetworkCost(network, None, None, 64, None, "cpu")
    return NetworkCost(
        network, 60_000 * 3**number, 420_000 * 3**number, 64, 4000 / 2**number, "cpu"
    )


def _gaps(
    rows: dict[tuple[str, str], ComparisonRow], networks: tuple[str, ...]
) -> list[ProtocolGap]:
    gaps = []
    for network, metric in itertools.product(networks, ("accuracy", "weighted_f1", "auroc")):
        paper = rows[network, "paper"].estimate(metric).value
        unseen = rows[network, "unseen"].estimate(metric).value
        gap = Interval(paper - unseen, paper - unseen - 0.03, paper - unseen + 0.03)
        gaps.append(ProtocolGap(network, metric, paper, unseen, gap))
    return gaps


def _test(
    rows: dict[tuple[str, str], ComparisonRow],
    predictions: pd.DataFrame,
    a: str,
    b: str,
    protocol: str,
) -> PairTest:
    right = {}
    for network in (a, b):
        chosen = (predictions["network"] == network) & (predictions["protocol"] == protocol)
        cells = predictions[chosen]
        right[network] = (cells["probability"] >= 0.5).to_numpy() == (cells["label"] == "all")
    difference = float(right[a].mean() - right[b].mean())
    area = rows[a, protocol].auroc.value - rows[b, protocol].auroc.value
    return PairTest(
        a=a,
        b=b,
        protocol=protocol,
        cells=len(right[a]),
        only_a_right=int((right[a].to_numpy() & ~right[b].to_numpy()).sum()),
        only_b_right=int((right[b].to_numpy() & ~right[a].to_numpy()).sum()),
        mcnemar_p=0.004,
        mcnemar_p_holm=0.03,
        accuracy_difference=Interval(difference, difference - 0.02, difference + 0.02),
        auroc_difference=Interval(area, area - 0.02, area + 0.02),
    )


def _history(network: str = "qcresnet", protocol: str = "") -> pd.DataFrame:
    """Epochs counted from 0; without a protocol no row."""
    folds = {"unseen": 5, "paper": 1}.get(protocol, 0)
    number = list(SKILL).index(network)
    random = np.random.default_rng(number)
    epoch = np.tile(np.arange(EPOCHS), folds)
    falling = 0.3 + 0.4 * np.exp(-epoch / (1.0 + number / 3)) + 0.02 * number
    loss = falling + 0.03 * random.normal(size=len(epoch))
    return pd.DataFrame(
        {
            "network": network,
            "protocol": protocol,
            "fold": np.repeat(np.arange(folds), EPOCHS),
            "epoch": epoch,
            "seconds": (epoch + 1) * (2.0 + number),
            "train_loss": loss - 0.05,
            "validation_loss": loss,
            "validation_accuracy": 0.8,
            "validation_auroc": 0.85,
            "validation_auroc_balanced": 0.85,
        }
    )
