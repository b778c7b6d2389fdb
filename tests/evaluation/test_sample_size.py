import numpy as np
import pytest

from allcore.evaluation import estimates, sample_size
from allcore.evaluation.estimates import Sample


def sample(subjects: int, *, spread: float, cells: int = 50, seed: int = 0) -> Sample:
    """Subjects of both classes whose share of correct cells varies by `spread` around 0.8."""
    random = np.random.default_rng(seed)
    labels, probabilities, names = [], [], []
    for label in (1, 0):
        for number in range(subjects):
            share = np.clip(random.normal(0.8, spread), 0, 1)
            right = random.uniform(size=cells) < share
            labels += [label] * cells
            probabilities += [0.9 if hit == bool(label) else 0.1 for hit in right]
            names += [f"{label}-{number}"] * cells
    return estimates.make_sample(
        labels=np.array(labels),
        probabilities=np.array(probabilities),
        subjects=np.array(names),
    )


def test_needed_sizes__design_effect_of_independent_cells_is_one() -> None:
    effects = [
        size.design_effect or np.nan
        for seed in range(20)
        for size in sample_size.needed_sizes(sample(20, spread=0.0, seed=seed), 0.5, width=0.1)
    ]
    assert np.mean(effects) == pytest.approx(1, abs=0.15)


def test_needed_sizes__as_many_subjects_give_the_width() -> None:
    few = sample(10, spread=0.12)
    size = sample_size.needed_sizes(few, 0.5, width=0.08)[0]
    assert (size.figure, size.cells) == ("sensitivity", size.subjects * 50)
    assert size.design_effect is not None and size.design_effect > 2
    widths = []
    for seed in range(5):
        many = sample(size.subjects, spread=0.12, seed=seed)
        over = estimates.by_name(estimates.at_threshold(many, 0.5))["sensitivity"].over_subjects
        widths.append(over.high - over.low)
    assert np.mean(widths) == pytest.approx(0.08, rel=0.35)


def test_needed_sizes__a_narrower_interval_takes_more() -> None:
    cells = sample(8, spread=0.1)
    wide, narrow = (sample_size.needed_sizes(cells, 0.5, width=width)[1] for width in (0.2, 0.05))
    assert narrow.subjects > 8 * wide.subjects


def test_needed_sizes__without_an_error_seen_some_are_needed_still() -> None:
    perfect = sample(6, spread=0.0)
    perfect = estimates.make_sample(
        labels=perfect.labels,
        probabilities=perfect.labels.astype(float),
        subjects=np.repeat([f"s{n}" for n in range(12)], 50),
    )
    for size in sample_size.needed_sizes(perfect, 0.5, width=0.1):
        assert size.design_effect is None
        assert size.subjects > 6


def test_needed_sizes__none_without_subjects() -> None:
    unknown = estimates.make_sample(
        labels=np.array([0, 1]), probabilities=np.array([0.2, 0.8]), subjects=None
    )
    assert sample_size.needed_sizes(unknown, 0.5, width=0.1) == ()
    single = estimates.make_sample(
        labels=np.array([0, 1]), probabilities=np.array([0.2, 0.8]), subjects=np.array(["a", "b"])
    )
    assert sample_size.needed_sizes(single, 0.5, width=0.1) == ()
