"""The learning curve over subjects on frozen features: no network is trained, minutes on a CPU."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from allcore.evaluation import subject_weights
from allcore.evaluation.experiments import ExperimentRecord
from allcore.evaluation.metrics import Floats
from allcore.nets import probe, registry
from allcore.research.experiments import subjects, trials
from allcore.research.experiments.options import Options
from allcore.research.experiments.subjects import Draw
from allcore.research.experiments.trials import Bench
from allcore.training import embedding, initialisation

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Values of C, of which each fold's validation subjects choose."""
STRENGTH = 0.5
INITIAL_CELLS = 256


def run(options: Options) -> ExperimentRecord:
    """Fit a logistic regression on nested subsets of each fold's training subjects.

    Raises:
        DataError: the data set can't be used.
        ModelError: the initial weights can't be had.
    """
    bench = trials.prepare(options)
    features = _features(bench, options)
    drawn = subjects.draws(bench)
    logits = [
        _logits(draw, features, bench)
        for draw in tqdm(drawn, desc="Subjects", unit="fit", disable=None)
    ]
    how = (
        f"Logistic regression on the {features.shape[1]} penultimate features of ResNet-18's "
        f"initial body ({options.init.rsplit('/', 1)[-1]}) at {options.size} px; its penalty is "
        "chosen on the fold's validation subjects."
    )
    return subjects.written("subjects-features", drawn, logits, bench, options, how=how)


def _features(bench: Bench, options: Options) -> NDArray[np.float32]:
    """Penultimate vectors (N, F) of a network that has only its initial weights."""
    torch.manual_seed(0)
    network = registry.build("resnet18")
    pixels, cut = torch.from_numpy(bench.cells.pixels), trials.preprocessing(options)
    some = torch.randperm(len(pixels))[:INITIAL_CELLS]
    initialisation.initialise(network, options.init, cut.normalise(pixels[some]))
    device = bench.fabric.device
    return embedding.features(network.to(device), pixels, cut, device=device)


def _logits(draw: Draw, features: NDArray[np.float32], bench: Bench) -> Floats:
    """(N,) log-odds by the penalty that orders the validation cells best."""
    from sklearn.metrics import roc_auc_score

    material = bench.material(draw.split)
    train, held = (draw.split.mask(bench.manifest, part) for part in ("train", "validation"))
    share = material.weights("train", subject_strength=STRENGTH)
    mean, scale = probe.standardisation(features[train], share)
    values = (features - mean) / scale
    labels = bench.targets.astype(int)
    groups = bench.manifest.table["group"].to_numpy(dtype=str)
    fair = subject_weights.fair(labels=labels[held], groups=groups[held])
    candidates = _candidates(values, labels, train, share)
    scores = [roc_auc_score(labels[held], found[held], sample_weight=fair) for found in candidates]
    return candidates[int(np.argmax(scores))]


def _candidates(
    values: Floats, labels: NDArray[np.int_], train: NDArray[np.bool_], share: Floats
) -> Sequence[Floats]:
    from sklearn.linear_model import LogisticRegression

    found = []
    for penalty in PENALTIES:
        model = LogisticRegression(C=penalty, max_iter=300)
        model.fit(values[train], labels[train], share * len(share))
        found.append(np.asarray(model.decision_function(values), dtype=float))
    return found
