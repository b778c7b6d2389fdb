"""Block diagrams of networks as HTML, which keeps text readable on any screen and theme."""

import html
from collections.abc import Sequence
from math import log2

from allcore.nets.summaries import Block, BlockPair, NetworkSummary, Shape

ACCENT = "#7E57C2"
"""The violet of the theme that stands out on light and on dark ground."""

# One grid of two columns, whose rows both lists share, so that like blocks face each other; on a
# phone the lists stand below each other and gaps are left out.
STYLE = f"""<style>
.networks {{display: grid; grid-template-columns: 1fr 1fr; column-gap: 1.5rem; row-gap: 0.45rem;
  max-width: 1120px;}}
.networks section {{display: grid; grid-row: 1 / -1; grid-template-rows: subgrid; min-width: 0;}}
.networks h3 {{margin: 0; padding: 0; font-size: 1.1rem; font-weight: 600;}}
.networks h3 small {{display: block; font-size: 0.82rem; font-weight: 400; opacity: 0.8;}}
.networks .end {{font-size: 0.82rem; opacity: 0.8; padding-left: 0.2rem;}}
.networks .block {{position: relative; display: grid; grid-template-columns: 76px 1fr; gap: 0.8rem;
  align-items: center; padding: 0.45rem 0.7rem; border-radius: 8px; min-height: 62px;
  border: 1px solid rgba(128, 128, 128, 0.4); background: rgba(128, 128, 128, 0.09);}}
.networks .block::before {{content: ""; position: absolute; left: calc(0.7rem + 37px);
  top: -0.55rem; height: 0.5rem; border-left: 2px solid rgba(128, 128, 128, 0.7);}}
.networks .gap {{margin: -0.45rem 0 0 calc(0.7rem + 38px);
  border-left: 2px dashed rgba(128, 128, 128, 0.7);}}
.networks .own {{border: 2px solid {ACCENT}; background: rgba(126, 87, 194, 0.16);}}
.networks .volume {{justify-self: center; border-radius: 3px;
  background: rgba(128, 128, 128, 0.55);}}
.networks .own .volume {{background: {ACCENT};}}
.networks .kind {{font-weight: 600; font-size: 0.92rem; line-height: 1.3;}}
.networks .facts {{font-size: 0.8rem; line-height: 1.35; opacity: 0.85;}}
.networks .facts span {{white-space: nowrap;}}
.networks .tag {{font-size: 0.72rem; font-weight: 600; padding: 0 0.4rem; border-radius: 4px;
  margin-left: 0.4rem; color: #fff; background: #6A45AE; white-space: nowrap;}}
@media (max-width: 760px) {{
  .networks {{display: block;}}
  .networks section {{display: flex; flex-direction: column; gap: 0.45rem; margin-bottom: 1.8rem;}}
  .networks .gap {{display: none;}}
}}
</style>"""


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
