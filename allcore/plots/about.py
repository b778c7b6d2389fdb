"""Learning curve of a model."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from allcore.plots import style


def learning_curve(history: pd.DataFrame) -> go.Figure:
    """Plot the loss by epoch; one row per epoch, columns train_loss and validation_loss."""
    figure = go.Figure()
    epochs = np.arange(1, len(history) + 1)
    for column, name, colour in (
        ("train_loss", "Training", style.NORMAL),
        ("validation_loss", "Validation subjects", style.BLAST),
    ):
        figure.add_scatter(
            x=epochs, y=history[column], mode="lines+markers", line={"color": colour}, name=name,
            hovertemplate="Epoch %{x}<br>Loss %{y:.3f}<extra></extra>",
        )  # fmt: skip
    best = epochs[int(history["validation_loss"].to_numpy().argmin())]
    figure.update_xaxes(title="Epoch", dtick=max(1, len(history) // 10))
    figure.update_yaxes(title="Loss (cross-entropy, nats)", rangemode="tozero")
    title = f"Validation loss is lowest after epoch {best} of {len(history)}"
    return style.finish(figure, title, height=380)
