"""The learning curve of a model."""

import pandas as pd
import pytest

from allcore.plots import about


def test_learning_curve__names_the_best_epoch():
    history = pd.DataFrame({"train_loss": [0.6, 0.4, 0.3], "validation_loss": [0.6, 0.45, 0.5]})
    figure = about.learning_curve(history)
    assert [trace.name for trace in figure.data] == ["Training", "Validation subjects"]
    assert "lowest after epoch 2" in figure.layout.title.text


def test_learning_curve__without_validation_cells():
    figure = about.learning_curve(pd.DataFrame({"train_loss": [0.6, 0.4]}))
    assert [trace.name for trace in figure.data] == ["Training"]
    assert "after 2 epochs is 0.40" in figure.layout.title.text
    assert figure.data[0].y == pytest.approx([0.6, 0.4])
