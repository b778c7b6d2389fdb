"""Lightning Fabric on a device, in one process or under torchrun in several."""

import os

import torch
from lightning.fabric import Fabric

from allcore.inference import devices


def launch(device: torch.device) -> Fabric:
    """Launch a Fabric over all processes of torchrun, in bf16 where the hardware supports it."""
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    nodes = int(os.environ.get("WORLD_SIZE", "1")) // local
    on_gpu = device.type == "cuda"
    fabric = Fabric(
        accelerator="cuda" if on_gpu else "cpu",
        devices=[device.index] if on_gpu and device.index is not None else local,
        num_nodes=nodes,
        strategy="ddp" if local * nodes > 1 else "auto",
        precision="bf16-mixed" if devices.computes_bf16(device) else "32-true",
    )
    fabric.launch()
    return fabric
