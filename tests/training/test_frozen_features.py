"""Directions in which subjects of one class differ are shrunk; those of the classes are not."""

import pytest
import torch

from allcore.training import frozen_features


@pytest.fixture
def cells() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Eight subjects: feature 0 tells the class, feature 1 the subject, feature 2 nothing."""
    torch.manual_seed(0)
    groups = torch.arange(8).repeat_interleave(50)
    labels = (groups % 2).double()
    values = torch.randn(400, 3, dtype=torch.float64) * 0.1
    values[:, 0] += 2 * labels - 1
    values[:, 1] += torch.linspace(-1, 1, 4, dtype=torch.float64)[groups // 2]
    return (values - values.mean(0)) / values.std(0), labels, groups


def test_shrinkage_matrix__shrinks_what_tells_subjects_of_one_class_apart(cells):
    values, labels, groups = cells
    found = frozen_features.shrinkage_matrix(values, labels=labels, groups=groups, strength=3.0)
    assert found == pytest.approx(found.T.numpy())
    shrunk = (values @ found).std(0)
    assert shrunk[0] == pytest.approx(1.0, abs=0.02)
    assert shrunk[1] == pytest.approx((1 + 3.0 * _between(values[:, 1], groups)) ** -0.5, abs=0.02)
    assert shrunk[2] > 0.9


def test_shrinkage_matrix__nothing_without_strength(cells):
    values, labels, groups = cells
    found = frozen_features.shrinkage_matrix(values, labels=labels, groups=groups, strength=0.0)
    torch.testing.assert_close(found, torch.eye(3, dtype=torch.float64))


def test_shrinkage_matrix__more_features_than_subjects():
    torch.manual_seed(1)
    values = torch.randn(12, 40)
    groups = torch.arange(4).repeat_interleave(3)
    found = frozen_features.shrinkage_matrix(
        values, labels=(groups % 2).float(), groups=groups, strength=2.0
    )
    assert torch.isfinite(found).all()
    # Four means less those of two classes span two directions; no other is touched.
    assert int((torch.linalg.eigvalsh(found) < 0.999).sum()) == 2


def _between(feature: torch.Tensor, groups: torch.Tensor) -> float:
    means = torch.stack([feature[groups == number].mean() for number in range(8)])
    return float(means.square().mean())
