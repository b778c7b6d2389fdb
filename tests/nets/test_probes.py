"""Classifiers that are fitted on a trained network's features, against scikit-learn's own."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from allcore import model_folder
from allcore.nets import registry, svm

CONFIG = {"widths": [16]}
REFERENCES = {
    "logistic": LogisticRegression(max_iter=1000),
    "svm": SVC(gamma="scale"),
}


@pytest.fixture(scope="module")
def base() -> torch.nn.Module:
    torch.manual_seed(0)
    return registry.build("qcresnet", **CONFIG).eval()


def vectors(count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Features of unlike spread, one of them dead, and a target that two of them tell."""
    random = np.random.default_rng(0)
    features = random.normal(3, 1, (count, 16)) * np.geomspace(0.01, 100, 16)
    features[:, 5] = 0
    standard = (features - features.mean(0)) / (features.std(0) + 1e-9)
    targets = (standard[:, 0] + standard[:, 9] ** 2 + random.normal(0, 0.5, count)) > 1
    return features.astype(np.float32), targets.astype(np.float64)


def fitted(kind, base):
    features, targets = vectors()
    return registry.architecture(kind).fit(
        base,
        architecture="qcresnet",
        config=CONFIG,
        features=features,
        targets=targets,
        weights=np.full(len(targets), 1 / len(targets)),
        seed=0,
    )


@pytest.mark.parametrize("kind", REFERENCES)
def test_fit__agrees_with_the_decision_function(kind, base):
    features, targets = vectors()
    reference = make_pipeline(StandardScaler(), REFERENCES[kind]).fit(features, targets)
    with torch.inference_mode():
        ours = fitted(kind, base).head(torch.from_numpy(features)).squeeze(1).double().numpy()
    np.testing.assert_allclose(ours, reference.decision_function(features), atol=1e-4)


@pytest.mark.parametrize("kind", REFERENCES)
def test_fit__keeps_the_bases_features_frozen(kind, base):
    network = fitted(kind, base)
    cells = torch.randn(2, 3, 32, 32)
    network.train()
    torch.testing.assert_close(network.forward_features(cells), base.forward_features(cells))
    learning = {name for name, p in network.named_parameters() if p.requires_grad}
    assert learning <= {"head.weight", "head.bias"}


@pytest.mark.parametrize("kind", REFERENCES)
def test_fit__survives_saving(kind, base, tmp_path):
    from safetensors.torch import load_file

    network = fitted(kind, base)
    model_folder.write_weights(tmp_path, network)
    config = {"base_architecture": "qcresnet", "base_config": CONFIG}
    if kind == "svm":
        config["vectors"] = len(network.head.support)
    loaded = registry.build(kind, **config)
    loaded.load_state_dict(load_file(tmp_path / model_folder.WEIGHTS))
    features = torch.from_numpy(vectors()[0])
    before, after = network.head(features), loaded.head(features)
    torch.testing.assert_close(after, before, atol=0.02, rtol=0.02)


def test_fit_svm__draws_cells_by_weight(base, monkeypatch):
    monkeypatch.setattr(svm, "MOST_CELLS", 50)
    weights = np.r_[np.full(60, 1.0), np.full(240, 1e-12)]
    chosen, equal = svm._draw_cells(weights, seed=0)
    assert len(set(chosen)) == 50
    assert chosen.max() < 60
    assert set(equal) == {1.0}
