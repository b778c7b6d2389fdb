from allcore.plots import validate
from tests import validated


def test_gate_shares__accepted_first_then_refusals() -> None:
    figure = validate.gate_shares(validated.validation())
    assert "95 % of 300 cells" in figure.layout.title.text.replace("<br>", " ")
    [bars] = figure.data
    assert list(bars.x) == [0.95, 0.05]
    assert list(figure.layout.yaxis.ticktext) == ["accepted", "badly exposed"]
    assert "Too dark." in bars.hovertext[1]
