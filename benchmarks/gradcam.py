"""Grad-CAM of one cell, against the forward and backward pass that any gradient method needs."""

import copy

import torch

from allcore.explain import gradcam
from benchmarks import inputs, timing
from benchmarks.timing import Result, Scale

REPEATS = 8  # cells a round


def run(scale: Scale) -> Result:
    """Milliseconds for a cell's heat, against one whole forward and backward pass.

    Ours runs backward only as far as the last convolutional stage, so it may cost less.
    """
    predictor = inputs.predictor()
    repeats = min(scale.images, REPEATS)
    with inputs.pictures(1) as paths:
        cell = predictor.prepare(inputs.rgb(paths[0]))
    network = copy.deepcopy(predictor.network).requires_grad_(True)

    def ours() -> None:
        for _ in range(repeats):
            gradcam.explain(predictor, cell, towards="all")

    def reference() -> None:
        for _ in range(repeats):
            network(predictor.normalised(cell[None])).sum().backward()
            network.zero_grad(set_to_none=True)
        if predictor.device.type == "cuda":
            torch.cuda.synchronize(predictor.device)

    mine, theirs = timing.side_by_side(
        timing.seconds(ours), timing.seconds(reference), rounds=scale.rounds
    )
    return timing.result(
        "gradcam",
        ours=1000 * mine / repeats,
        reference=1000 * theirs / repeats,
        unit="ms/image",
        device=str(predictor.device),
    )
