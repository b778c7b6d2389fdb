"""Lightning Fabric on the device asked for, alone or as one process of torchrun."""

import os

import torch
from lightning.fabric import Fabric


def launch(device: torch.device) -> Fabric:
    """A launched Fabric: bf16 where the GPU has it, all processes where torchrun started some."""
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    nodes = int(os.environ.get("WORLD_SIZE", "1")) // local
    on_gpu = device.type == "cuda"
    fabric = Fabric(
        accelerator="cuda" if on_gpu else "cpu",
        devices=[device.index] if on_gpu and device.index is not None else local,
        num_nodes=nodes,
        strategy="ddp" if local * nodes > 1 else "auto",
        precision="bf16-mixed" if on_gpu and torch.cuda.is_bf16_supported() else "32-true",
    )
    fabric.launch()
    return fabric
