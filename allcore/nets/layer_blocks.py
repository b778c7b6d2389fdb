"""What an anatomy says of a network, and two of them side by side; nothing here needs torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Block:
    """A part of a network, or one layer of a part.

    Attributes:
        name: where it stands in the module, such as ``body.layer1``.
        kind: what it is, in a few words.
        input: shape of one cell's values that go in.
        output: shape of those that come out.
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
class Anatomy:
    """A whole network.

    Attributes:
        name: in the registry.
        size: side of the input, pixels.
        blocks: in the order in which a cell passes them.
        parameters: numbers in the network's weights, frozen ones included.
        macs: multiply-accumulates for one cell, in layers of ``anatomy.COUNTED``.
    """

    name: str
    size: int
    blocks: tuple[Block, ...]
    parameters: int
    macs: int


@dataclass(frozen=True)
class Pair:
    """A row of two networks side by side: a block of each, or of one alone."""

    one: Block | None
    other: Block | None
    alike: bool


def compared(one: Sequence[Block], other: Sequence[Block]) -> list[Pair]:
    """Two networks' blocks side by side, in order; those built alike stand together."""
    pairs: list[Pair] = []
    matcher = SequenceMatcher(None, [_built(b) for b in one], [_built(b) for b in other], False)
    for found, start, end, start_other, end_other in matcher.get_opcodes():
        left, right = one[start:end], other[start_other:end_other]
        rows = max(len(left), len(right))
        # Where one side is shorter, its blocks stand last: heads face heads.
        lefts = [*[None] * (rows - len(left)), *left]
        rights = [*[None] * (rows - len(right)), *right]
        pairs += [Pair(*both, found == "equal") for both in zip(lefts, rights, strict=True)]
    return pairs


def _built(block: Block) -> tuple[object, ...]:
    return block.kind, block.input, block.output, block.parameters, block.macs
