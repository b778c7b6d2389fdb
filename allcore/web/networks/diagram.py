"""Block diagrams of networks as HTML, which keeps text readable on any screen and theme."""

import html
from collections.abc import Sequence
from math import log2

from allcore.nets.summaries import Block, BlockPair, NetworkSummary, Shape
from allcore.web import frame

STYLE = frame.styles(__file__)


def networks_html(
    one: NetworkSummary, other: NetworkSummary, pairs: Sequence[BlockPair], titles: tuple[str, str]
) -> str:
    """Two networks side by side from top to bottom, differing blocks in the accent colour; HTML.

    Args:
        one, other: the networks, left and right.
        pairs: from ``summaries.pair_blocks``.
        titles: of the two.
    """
    left = [(pair.one, _tag(pair, pair.other, titles[0])) for pair in pairs]
    right = [(pair.other, _tag(pair, pair.one, titles[1])) for pair in pairs]
    sections = _section(one, titles[0], left) + _section(other, titles[1], right)
    rows = f"grid-template-rows: repeat({len(pairs) + 3}, auto)"
    return f'{STYLE}<div class="networks" style="{rows}">{sections}</div>'


def shape_text(values: Shape) -> str:
    """A shape as '64 × 56 × 56': channels, height, width."""
    return " × ".join(f"{value:,}" for value in values)


def short_number(number: int) -> str:
    """A large number in words short enough for a diagram: '11.3 million'."""
    for unit, word in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if number >= 0.9995 * unit:
            return f"{number / unit:.3g} {word}"
    return str(number)


def _section(
    network: NetworkSummary, title: str, rows: "Sequence[tuple[Block | None, str]]"
) -> str:
    name = html.escape(title)
    blocks = "".join(_block(block, tag) for block, tag in rows)
    parameters, macs = short_number(network.parameters), short_number(network.macs)
    totals = f"{parameters} parameters, {macs} MACs a cell"
    return (
        f'<section aria-label="Blocks of {name}"><h3>{name}<small>{totals}</small></h3>'
        f'<div class="end">A cell: 3 × {network.size} × {network.size}</div>{blocks}'
        f'<div class="end">Log-odds of an ALL blast</div></section>'
    )


def _tag(pair: BlockPair, opposite: Block | None, title: str) -> str:
    if pair.alike:
        return ""
    return "differs" if opposite else f"only in {title}"


def _block(block: Block | None, tag: str) -> str:
    if block is None:
        return '<div class="gap"></div>'
    kind = html.escape(block.kind[:1].upper() + block.kind[1:])
    label = f'<span class="tag">{html.escape(tag)}</span>' if tag else ""
    into = f"{shape_text(block.input)} → " if len(block.input) == 1 else ""
    facts = f"<span>{into}{shape_text(block.output)}</span>"
    if block.parameters:
        facts += f" · <span>{short_number(block.parameters)} parameters</span>"
        facts += f" · <span>{short_number(block.macs)} MACs</span>"
    # The wider the box, the more channels; the higher, the larger the map.
    channels, side = block.output[0], block.output[1] if len(block.output) > 1 else 1
    box = f"width: {6 + 5.8 * log2(channels):.0f}px; height: {5 + 5.5 * log2(side):.0f}px"
    return (
        f'<div class="block{" own" if tag else ""}"><div class="volume" style="{box}"></div>'
        f'<div><div class="kind">{kind}{label}</div><div class="facts">{facts}</div></div></div>'
    )
