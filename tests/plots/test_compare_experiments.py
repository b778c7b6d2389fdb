import plotly.graph_objects as go
import pytest

from allcore.evaluation.experiments import AIMS
from allcore.plots import compare_experiments
from tests import experimented


def title(figure: go.Figure) -> str:
    return str(figure.layout.title.text).replace("<br>", " ")


def points(figure: go.Figure, name: str) -> go.Scatter:
    return next(trace for trace in figure.data if trace.name == name)


@pytest.fixture(scope="module")
def figures() -> dict[str, go.Figure]:
    return {
        "cues": compare_experiments.cue_dumbbells(experimented.cues()),
        "bars": compare_experiments.intervention_bars(
            experimented.interventions(), "qcresnet-cnmc"
        ),
        "variants": compare_experiments.variant_bars(experimented.variants()),
    }


def test_figures__titles_fit_a_phone_and_axes_are_named(figures: dict[str, go.Figure]) -> None:
    for name, figure in figures.items():
        lines = figure.layout.title.text.split("<br>")
        assert max(map(len, lines)) <= 40 and len(lines) <= 4, name
        assert figure.layout.xaxis.title.text and figure.layout.yaxis.title.text
        assert all(len(part) <= 22 for label in figure.layout.yaxis.ticktext
                   for part in label.split("<br>"))  # fmt: skip
        figure.to_json()


def test_cues__both_protocols_best_unseen_on_top(figures: dict[str, go.Figure]) -> None:
    figure = figures["cues"]
    unseen, image = points(figure, "Unseen subjects"), points(figure, "Images split at random")
    assert len(unseen.x) == len(image.x) == len(experimented.CUES)
    assert list(unseen.x) == sorted(unseen.x, reverse=True)
    assert title(figure).startswith("Size alone orders cells of unseen subjects")
    assert "0.85" in title(figure)
    assert unseen.error_x.array[-1] == 0  # no interval, no bar
    assert unseen.customdata[-1][1] == "?"


def test_interventions__greatest_loss_on_top_and_clear_ones_apart(
    figures: dict[str, go.Figure],
) -> None:
    figure = figures["bars"]
    lower, higher, unclear = (
        points(figure, name) for name in ("Clearly lower", "Clearly higher", "No clear change")
    )
    shown = len(lower.x) + len(higher.x) + len(unclear.x)
    assert shown == len(experimented.ALTERED)
    assert lower.y[0] == 0 and max(lower.x) < 0 < min(higher.x)
    assert "qcresnet\u2011cnmc loses most, 0.27 of AUROC" in title(figure)
    assert lower.customdata[0][3] == "10 % of predictions flip"


def test_interventions__nothing_clear_is_said() -> None:
    figure = compare_experiments.intervention_bars(
        experimented.interventions("one", half=1.0), "one"
    )
    assert title(figure) == "No change lowers the AUROC of one clearly"
    assert {trace.name for trace in figure.data} == {"No clear change", None, ""} - {None}


def test_variants__greatest_gain_on_top(figures: dict[str, go.Figure]) -> None:
    figure = figures["variants"]
    assert title(figure) == "Shrunk: helps clearly"
    assert list(figure.layout.yaxis.ticktext) == ["Shrunk", "Mixup", "Half the resolution"]
    higher, lower = points(figure, "Clearly higher"), points(figure, "Clearly lower")
    assert list(higher.x) == [0.02] and list(lower.x) == [-0.02]
    assert higher.customdata[0][3] == "Shrunk was foreseen."
    unclear = compare_experiments.variant_bars(experimented.variants(half=0.5))
    assert title(unclear) == "No choice helps clearly"


def test_growth__stands_below_the_aims() -> None:
    figure = compare_experiments.growth_curves(experimented.growth())
    auroc, aim = points(figure, "AUROC"), points(figure, "AUROC, aim")
    assert list(auroc.x) == [6, 12, 23] and set(aim.y) == {AIMS["auroc"]}
    assert title(figure) == "From 6 to 23 training subjects the AUROC changes by +0.02"
    lines = figure.layout.title.text.split("<br>")
    assert max(map(len, lines)) <= 40
    assert figure.layout.xaxis.title.text and figure.layout.yaxis.title.text


def test_models__in_their_order() -> None:
    assert compare_experiments.intervention_models(experimented.interventions("b", "a")) == [
        "b",
        "a",
    ]
    assert compare_experiments.intervention_models(experimented.cues()) == []
