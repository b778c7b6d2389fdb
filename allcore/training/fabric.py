"""Lightning Fabric on the device asked for, alone or as one process of torchrun."""

import os

import torch
from lightning.fabric import Fabric


def launch(device: torch.device) -> Fabric:
    """A launched Fabric: bf16 where the hardware has it, all processes that torchrun started."""
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    nodes = int(os.environ.get("WORLD_SIZE", "1")) // local
    on_gpu = device.type == "cuda"
    fabric = Fabric(
        accelerator="cuda" if on_gpu else "cpu",
        devices=[device.index] if on_gpu and device.index is not None else local,
        num_nodes=nodes,
        strategy="ddp" if local * nodes > 1 else "auto",
        precision="bf16-mixed" if _has_bf16(on_gpu) else "32-true",
    )
    fabric.launch()
    return fabric


def _has_bf16(on_gpu: bool) -> bool:
    """Whether bf16 is computed and not emulated; it doubles the images a second, on CPUs too."""
    if on_gpu:
        return bool(torch.cuda.is_bf16_supported())
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
