"""Descriptions of all architectures and their layers from one JSON file, without torch.

``python -m allcore.nets.model_summary`` regenerates ``summaries.json`` from the modules after a
change.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import Any, Literal

FILE = Path(__file__).with_suffix(".json")
SIZES = (64, 128, 224, 320)
"""Input sides in the file, pixels; every trained network supports all of them."""

Shape = tuple[int, ...]
Family = Literal["trained", "probe", "ensemble"]


@dataclass(frozen=True)
class Architecture:
    """Description of an architecture in the registry."""

    name: str  # in the registry
    title: str  # in tables and plots
    line: tuple[str, str]  # colour and dash in plots
    family: Family  # of ``CellNetwork.FAMILY``
    imagenet: bool  # whether it can load ImageNet weights
    source: str  # the publication, and deviations from it


@dataclass(frozen=True)
class Block:
    """A part of a network, or one layer of a part."""

    name: str  # path in the module, such as ``body.layer1``
    kind: str  # short description
    input: Shape  # shape of its input for one cell
    output: Shape  # shape of its output for one cell
    parameters: int  # number of parameters
    macs: int  # multiply-accumulates for one cell
    children: tuple["Block", ...] = ()  # its layers with weights; empty for a layer


@dataclass(frozen=True)
class NetworkSummary:
    """Layers of a whole network for cells of one size."""

    name: str  # in the registry
    size: int  # side of the input, pixels
    blocks: tuple[Block, ...]  # in the order of the forward pass
    parameters: int  # number of parameters, frozen ones included
    macs: int  # multiply-accumulates for one cell, in layers of ``model_summary.COUNTED``


@dataclass(frozen=True)
class BlockPair:
    """Row of a side-by-side comparison of two networks: a block of each, or of one alone."""

    one: Block | None
    other: Block | None
    alike: bool


@cache
def _file() -> dict[str, list[dict[str, Any]]]:
    content: dict[str, list[dict[str, Any]]] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


@cache
def architectures() -> dict[str, Architecture]:
    """Return all architectures by name, in the order of the registry."""
    return {
        fields["name"]: Architecture(**fields | {"line": tuple(fields["line"])})
        for fields in _file()["architectures"]
    }


def read(size: int) -> dict[str, NetworkSummary]:
    """Return the layers of all trained networks by name, for cells of one of ``SIZES``."""
    return {
        fields["name"]: NetworkSummary(
            **fields | {"blocks": tuple(_block(block) for block in fields["blocks"])}
        )
        for fields in _file()["summaries"]
        if fields["size"] == size
    }


def pair_blocks(one: Sequence[Block], other: Sequence[Block]) -> list[BlockPair]:
    """Align the blocks of two networks, in order; equal blocks form pairs."""
    pairs: list[BlockPair] = []
    matcher = SequenceMatcher(None, [_build(b) for b in one], [_build(b) for b in other], False)
    for operation, start, end, other_start, other_end in matcher.get_opcodes():
        left, right = one[start:end], other[other_start:other_end]
        rows = max(len(left), len(right))
        # The shorter side is padded at the start: heads align with heads.
        lefts = [*[None] * (rows - len(left)), *left]
        rights = [*[None] * (rows - len(right)), *right]
        pairs += [
            BlockPair(*both, operation == "equal") for both in zip(lefts, rights, strict=True)
        ]
    return pairs


def _build(block: Block) -> tuple[object, ...]:
    return block.kind, block.input, block.output, block.parameters, block.macs


def _block(fields: dict[str, Any]) -> Block:
    shapes = {side: tuple(fields[side]) for side in ("input", "output")}
    children = tuple(_block(child) for child in fields["children"])
    return Block(**fields | shapes | {"children": children})
