"""Learning curve of a model."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from allcore.plots import style


def learning_curve(history: pd.DataFrame) -> go.Figure:
    """Plot the loss by epoch.

    Args:
        history: one row an epoch, with ``train_loss`` and, where the run had validation cells,
            ``validation_loss``.
    """
    figure = go.Figure()
    epochs = np.arange(1, len(history) + 1)
    for column, name, colour in (
        ("train_loss", "Training", style.NORMAL),
        ("validation_loss", "Validation subjects", style.BLAST),
    ):
        if column not in history:
            continue
        figure.add_scatter(
            x=epochs, y=history[column], mode="lines+markers", line={"color": colour}, name=name,
            hovertemplate="Epoch %{x}<br>Loss %{y:.3f}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title="Epoch", dtick=max(1, len(history) // 10))
    figure.update_yaxes(title="Loss (cross-entropy, nats)", rangemode="tozero")
    title = f"Training loss after {len(history)} epochs is {history['train_loss'].iloc[-1]:.2f}"
    if "validation_loss" in history:
        best = epochs[int(history["validation_loss"].to_numpy().argmin())]
        title = f"Validation loss is lowest after epoch {best} of {len(history)}"
    return style.finish(figure, title, height=380)
