"""All architectures and their layers as one JSON file describes them; nothing here needs torch.

``summaries.json`` beside this file holds what the modules themselves give; where they changed,
``python -m allcore.nets.model_summary`` writes it again.
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
"""Sides of the input that the file holds, pixels; every trained network takes all of them."""

Shape = tuple[int, ...]
Family = Literal["trained", "probe", "ensemble"]


@dataclass(frozen=True)
class Architecture:
    """An architecture of the registry, as its class describes it.

    Attributes:
        name: in the registry.
        title: in tables and plots.
        line: colour and dash in plots.
        family: of ``CellNetwork.FAMILY``.
        imagenet: whether ImageNet weights can be loaded.
        source: the publication, and what in it is our reading.
    """

    name: str
    title: str
    line: tuple[str, str]
    family: Family
    imagenet: bool
    source: str


@dataclass(frozen=True)
class Block:
    """A part of a network, or one layer of a part.

    Attributes:
        name: path in the module, such as ``body.layer1``.
        kind: in a few words.
        input: shape of one cell's values before it.
        output: shape of those after it.
        parameters: numbers in its weights.
        macs: multiply-accumulates for one cell.
        children: the layers inside that have weights; none for a layer.
    """

    name: str
    kind: str
    input: Shape
    output: Shape
    parameters: int
    macs: int
    children: tuple["Block", ...] = ()


@dataclass(frozen=True)
class NetworkSummary:
    """The layers of a whole network for cells of one size.

    Attributes:
        name: in the registry.
        size: side of the input, pixels.
        blocks: in the order in which a cell passes them.
        parameters: numbers in the network's weights, frozen ones included.
        macs: multiply-accumulates for one cell, in layers of ``model_summary.COUNTED``.
    """

    name: str
    size: int
    blocks: tuple[Block, ...]
    parameters: int
    macs: int


@dataclass(frozen=True)
class BlockPair:
    """A row of two networks side by side: a block of each, or of one alone."""

    one: Block | None
    other: Block | None
    alike: bool


@cache
def _file() -> dict[str, list[dict[str, Any]]]:
    content: dict[str, list[dict[str, Any]]] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


@cache
def architectures() -> dict[str, Architecture]:
    """All architectures by name, in the order of the registry."""
    return {
        fields["name"]: Architecture(**fields | {"line": tuple(fields["line"])})
        for fields in _file()["architectures"]
    }


def read(size: int) -> dict[str, NetworkSummary]:
    """Layers of all trained networks by name, for cells of one of ``SIZES``."""
    return {
        fields["name"]: NetworkSummary(
            **fields | {"blocks": tuple(_block(block) for block in fields["blocks"])}
        )
        for fields in _file()["summaries"]
        if fields["size"] == size
    }


def pair_blocks(one: Sequence[Block], other: Sequence[Block]) -> list[BlockPair]:
    """Two networks' blocks side by side, in order; those of equal build stand together."""
    pairs: list[BlockPair] = []
    matcher = SequenceMatcher(None, [_build(b) for b in one], [_build(b) for b in other], False)
    for operation, start, end, other_start, other_end in matcher.get_opcodes():
        left, right = one[start:end], other[other_start:other_end]
        rows = max(len(left), len(right))
        # Where one side is shorter, its blocks stand last: heads face heads.
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
