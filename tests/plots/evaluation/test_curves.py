from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from allcore.evaluation import (
    curves,
    estimates,
    intervals,
    metrics,
    model_evaluation,
    prevalence,
    subjects,
)
from allcore.evaluation.curves import PrecisionRecallCurve, RocCurve
from allcore.evaluation.estimates import Sample
from allcore.evaluation.intervals import Interval
from allcore.evaluation.prevalence import PredictiveValues
from allcore.evaluation.subjects import SubjectCall
from allcore.labels import CLASS_COLOURS
from allcore.plots.evaluation import curves as curve_plots
from allcore.plots.evaluation import subjects as subject_plots
from tests import simulated

THRESHOLD = 0.5


@pytest.fixture(scope="module")
def models() -> dict[str, Sample]:
    table = simulated.predictions()
    return {
        "qcresnet-cnmc": model_evaluation.sample_of_predictions(table),
        "Area and brightness": model_evaluation.sample_of_predictions(
            table, "baseline_probability"
        ),
    }


@pytest.fixture(scope="module")
def predictive(models: dict[str, Sample]) -> PredictiveValues:
    sample = models["qcresnet-cnmc"]
    return prevalence.predictive_values(sample, THRESHOLD, np.linspace(0.005, 0.995, 100))


@pytest.fixture(scope="module")
def calls() -> tuple[SubjectCall, ...]:
    table = simulated.predictions()
    rows = subjects.subject_rows(
        labels=model_evaluation.labels_array(table),
        probabilities=table["probability"].to_numpy(),
        subjects=table["subject"].to_numpy(dtype=str),
        threshold=THRESHOLD,
    )
    return subjects.call_subjects(rows, cutoff=0.5, least_cells=20)


def named(sample: Sample) -> dict[str, estimates.Estimate]:
    found = estimates.at_threshold(sample, THRESHOLD) + estimates.threshold_free(sample)
    return {figure.name: figure for figure in found}


def roc_many(models: dict[str, Sample], **options: object) -> go.Figure:
    found = {name: named(sample) for name, sample in models.items()}
    return curve_plots.roc(
        {name: curves.roc_curve(sample) for name, sample in models.items()},
        points={n: (1 - f["specificity"].value, f["sensitivity"].value) for n, f in found.items()},
        areas={name: figure["auroc"] for name, figure in found.items()},
        **options,  # type: ignore[arg-type]
    )


def precision_recall(models: dict[str, Sample]) -> go.Figure:
    found = {name: named(sample) for name, sample in models.items()}
    return curve_plots.precision_recall(
        {name: curves.precision_recall_curve(sample) for name, sample in models.items()},
        points={name: (f["sensitivity"].value, f["ppv"].value) for name, f in found.items()},
        areas={name: figure["auprc"] for name, figure in found.items()},
    )


def title(figure: go.Figure) -> str:
    return str(figure.layout.title.text).replace("<br>", " ")


def traces(figure: go.Figure) -> dict[str, go.Scatter]:
    """Traces in the legend by name."""
    return {trace.name: trace for trace in figure.data if trace.showlegend is not False}


def diamonds(figure: go.Figure) -> list[go.Scatter]:
    return [trace for trace in figure.data if trace.marker.symbol == "diamond"]


def test_figures__titles_fit_a_phone_and_axes_are_named(
    models: dict[str, Sample], predictive: PredictiveValues, calls: tuple[SubjectCall, ...]
) -> None:
    curve = curves.reliability_curve(models["qcresnet-cnmc"])
    for figure in (
        roc_many(models, prevalence=0.6),
        precision_recall(models),
        curve_plots.calibration(curve, curve, errors=(0.08123, 0.032)),
        curve_plots.predictive_values(predictive, prevalence=0.1),
        subject_plots.subject_call_shares(calls, 0.5),
    ):
        lines = figure.layout.title.text.split("<br>")
        assert max(map(len, lines)) <= 40, title(figure)
        assert len(lines) <= 2, title(figure)
        axes = [axis.title.text for axis in (*figure.select_xaxes(), *figure.select_yaxes())]
        assert sum(text is not None for text in axes) >= 2
        assert figure.layout.paper_bgcolor is None
        assert figure.layout.plot_bgcolor is None
        assert figure.layout.font.color is None


def test_roc_many__one_line_a_model_and_the_band_of_the_first(models: dict[str, Sample]) -> None:
    figure = roc_many(models)
    found = traces(figure)
    assert list(found) == ["95 % over subjects", "Chance", *models]
    first = curves.roc_curve(models["qcresnet-cnmc"])
    assert found["95 % over subjects"].y == pytest.approx(first.low)
    assert found["qcresnet-cnmc"].line.color != found["Area and brightness"].line.color
    area = named(models["qcresnet-cnmc"])["auroc"]
    assert title(figure).startswith(f"qcresnet-cnmc has the highest AUROC: {area.value:.3f} (")
    template = found["qcresnet-cnmc"].hovertemplate
    assert f"over cells {area.over_cells.low:.3f} to {area.over_cells.high:.3f}" in template
    assert (
        f"over subjects {area.over_subjects.low:.3f} to {area.over_subjects.high:.3f}" in template
    )


def test_roc_many__points_lie_on_their_curves(models: dict[str, Sample]) -> None:
    for point, sample in zip(diamonds(roc_many(models)), models.values(), strict=True):
        counts = metrics.confusion(
            labels=sample.labels, probabilities=sample.probabilities, threshold=THRESHOLD
        )
        assert point.x[0] == pytest.approx(counts.fp / (counts.fp + counts.tn))
        assert point.y[0] == pytest.approx(counts.tp / (counts.tp + counts.fn))


def test_roc_many__the_reference_is_a_line_of_one_weighted_f1(models: dict[str, Sample]) -> None:
    name = "Weighted F1 0.910 at 60 % blasts (C-NMC winner)"
    line = traces(roc_many(models, prevalence=0.6))[name]
    x, y = curves.weighted_f1_line(0.91, prevalence=0.6)
    assert np.array(line.x) == pytest.approx(x)
    assert np.array(line.y) == pytest.approx(y)
    assert "on other cells" in line.hovertemplate
    assert name not in traces(roc_many(models))


def test_roc_many__one_model_states_its_area(models: dict[str, Sample]) -> None:
    name, sample = next(iter(models.items()))
    figure = roc_many({name: sample})
    area = named(sample)["auroc"].over_subjects
    expected = f"AUROC {area.value:.3f} ({area.low:.3f} to {area.high:.3f}) over subjects"
    assert title(figure) == expected


def test_roc_many__many_cells_are_drawn_as_the_same_line_with_fewer_points() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 60_000)
    scores = 1 / (1 + np.exp(-random.normal(2.0 * labels - 1)))
    sample = estimates.make_sample(labels=labels, probabilities=scores, subjects=None, resamples=10)
    line = traces(roc_many({"model": sample}))["model"]
    assert len(line.x) <= 2002
    assert (line.x[0], line.y[0], line.x[-1], line.y[-1]) == (0, 0, 1, 1)
    full = curves.roc_curve(sample)
    drawn, every = np.array([line.x, line.y]), np.array([full.false_positives, full.sensitivity])
    # No point of the curve is farther than the step from one that is drawn.
    away = np.abs(every[:, ::40, None] - drawn[:, None, :]).max(axis=0).min(axis=1)
    assert away.max() <= 0.001 + 1e-9


def test_roc_many__more_models_than_styles_still_draw() -> None:
    curve = RocCurve(
        *(np.array([0.0, 1.0]) for _ in range(3)), *(np.full(2, np.nan) for _ in range(3))
    )
    unknown = intervals.unknown(0.5)
    names = [f"model {i}" for i in range(14)]
    figure = curve_plots.roc(
        dict.fromkeys(names, curve),
        points=dict.fromkeys(names, (0.1, 0.2)),
        areas=dict.fromkeys(names, estimates.Estimate("auroc", 0.5, unknown, unknown)),
    )
    found = traces(figure)
    styles = {(found[n].line.color, found[n].line.dash) for n in names[:12]}
    assert len(styles) == 12
    assert "no interval" in title(figure)


def test_precision_recall__chance_is_the_prevalence(models: dict[str, Sample]) -> None:
    figure = precision_recall(models)
    share = next(iter(models.values())).labels.mean()
    chance = traces(figure)[f"Chance ({100 * share:.0f} % are blasts)"]
    assert chance.y == pytest.approx([share, share])
    assert [traces(figure)[name].line.shape for name in models] == ["vh", "vh"]
    assert title(figure).startswith("qcresnet-cnmc has the highest AUPRC")
    assert len(diamonds(figure)) == 2


def test_precision_recall__without_subjects_has_no_band() -> None:
    line = np.array([0.5, 1.0])
    curve = PrecisionRecallCurve(line, line, line, 0.5, curves.GRID, *np.full((2, 101), np.nan))
    figure = curve_plots.precision_recall(
        {"model": curve},
        points={"model": (0.5, np.nan)},
        areas={
            "model": estimates.Estimate(
                "auprc", 0.9, Interval(0.9, 0.8, 0.95), intervals.unknown(0.9)
            )
        },
    )
    assert list(traces(figure)) == ["Chance (50 % are blasts)", "model"]
    assert title(figure) == "AUPRC 0.900 (no interval) over subjects"


def test_calibration__two_curves_over_the_histogram_of_the_second(
    models: dict[str, Sample],
) -> None:
    before, after = (curves.reliability_curve(sample) for sample in models.values())
    figure = curve_plots.calibration(before, after, errors=(0.08123, 0.032))
    assert title(figure) == "Calibration lowers the mean error from 8.1 to 3.2 percentage points"
    found = traces(figure)
    held = np.isfinite(before.share)
    assert np.array(found["Before calibration"].y) == pytest.approx(before.share[held])
    bars = [trace for trace in figure.data if isinstance(trace, go.Bar)]
    assert [sum(trace.y) for trace in bars] == [after.normals.sum(), after.blasts.sum()]
    assert {trace.xaxis for trace in bars} == {"x2"}
    assert figure.layout.xaxis.matches == "x2"
    assert figure.layout.yaxis2.title.text == "Cells"


@pytest.mark.parametrize(
    ("errors", "said"),
    [((0.03, 0.05), "raises the mean error from 3.0 to 5.0"), ((0.05, 0.05), "at 5.0 percentage")],
)
def test_calibration__says_what_calibration_did(
    models: dict[str, Sample], errors: tuple[float, float], said: str
) -> None:
    curve = curves.reliability_curve(models["qcresnet-cnmc"])
    assert said in title(curve_plots.calibration(curve, curve, errors=errors))


def test_calibration__alone(models: dict[str, Sample]) -> None:
    curve = replace(
        curves.reliability_curve(models["qcresnet-cnmc"]), subject_low=np.full(15, np.nan)
    )
    figure = curve_plots.calibration(None, curve, errors=(np.nan, 0.0512))
    assert title(figure) == "Probabilities are off by 5.1 percentage points on average"
    assert "Before calibration" not in traces(figure)
    assert "95 % over subjects" not in traces(figure)


def test_predictive_values__marks_the_chosen_prevalence(predictive: PredictiveValues) -> None:
    figure = curve_plots.predictive_values(predictive, prevalence=0.1)
    ppv, npv = predictive.at(0.1)
    assert [(point.x[0], point.y[0]) for point in diamonds(figure)] == [
        (10, ppv.value), (10, npv.value),
    ]  # fmt: skip
    said = f"PPV {100 * ppv.value:.0f} % and NPV {100 * npv.value:.0f} %"
    assert title(figure) == f"At 10 % blasts: {said}"
    here = f"These cells ({100 * predictive.observed:.0f} %)"
    assert list(traces(figure)) == ["Predicted ALL blast", "Predicted normal", here]
    assert np.array(traces(figure)["Predicted normal"].y) == pytest.approx(predictive.npv.value)


def test_predictive_values__calls_of_one_kind_only(models: dict[str, Sample]) -> None:
    nothing = prevalence.predictive_values(models["qcresnet-cnmc"], 1.0, np.array([0.1, 0.5]))
    figure = curve_plots.predictive_values(nothing, prevalence=0.5)
    assert title(figure) == "At 50 % blasts: NPV 50 %"


def test_subject_shares__every_subject_once_by_colour_and_shape(
    calls: tuple[SubjectCall, ...],
) -> None:
    figure = subject_plots.subject_call_shares(calls, 0.5)
    drawn = {
        row[0]: (trace.marker.color, trace.marker.symbol, trace.y[i])
        for trace in figure.data
        if trace.customdata is not None
        for i, row in enumerate(trace.customdata)
    }
    assert len(drawn) == len(calls)
    for call in calls:
        symbol = subject_plots.SYMBOLS[call.outcome]
        assert drawn[call.subject] == (CLASS_COLOURS[call.label], symbol, call.blasts.value)
    shares = {call.subject: call.blasts.value for call in calls}
    in_order = [shares[name] for name in figure.layout.xaxis.ticktext]
    assert in_order == sorted(in_order)
    assert traces(figure)["Cut-off 0.50"].y == (0.5, 0.5)
    right = [call.outcome for call in calls].count("right")
    assert title(figure).startswith(f"{right} of {len(calls)} subjects are predicted correctly")


def test_subject_shares__many_subjects_have_no_names(calls: tuple[SubjectCall, ...]) -> None:
    many = [replace(call, subject=f"{call.subject}-{i}") for i in range(5) for call in calls]
    figure = subject_plots.subject_call_shares(many, 0.5)
    assert figure.layout.xaxis.showticklabels is False
    assert figure.layout.xaxis.title.text == "100 subjects, lowest share first"


def test_roc__without_subjects_has_no_band() -> None:
    table = simulated.predictions().assign(subject=None)
    sample = model_evaluation.sample_of_predictions(table)
    figure = roc_many({"Model": sample})
    assert list(traces(figure)) == ["Chance", "Model"] and len(diamonds(figure)) == 1
    assert title(figure).endswith("(no interval) over subjects")
