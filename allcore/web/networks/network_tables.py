"""Summaries of the networks, read once a process, as tables and sentences."""

from collections import Counter

import pandas as pd
import streamlit as st

from allcore.nets import summaries
from allcore.nets.summaries import SIZES, Architecture, BlockPair, NetworkSummary
from allcore.web.networks import diagram


def architecture(network: NetworkSummary) -> Architecture:
    """The architecture of a network."""
    return summaries.architectures()[network.name]


def network_title(network: NetworkSummary) -> str:
    """The title of a network."""
    return architecture(network).title


@st.cache_data(max_entries=len(SIZES), show_spinner="Reading the networks")
def load_networks(size: int) -> dict[str, NetworkSummary]:
    """All networks that learn from cells, by name, for cells of ``size`` pixels."""
    return summaries.read(size)


@st.cache_data(max_entries=200, show_spinner=False)
def compare_blocks(one: str, other: str, size: int) -> list[BlockPair]:
    """Blocks of two networks in pairs."""
    networks = load_networks(size)
    return summaries.pair_blocks(networks[one].blocks, networks[other].blocks)


def difference_sentences(
    one: NetworkSummary, other: NetworkSummary, pairs: list[BlockPair]
) -> tuple[str, str]:
    """What the second network adds to the first: in blocks, and in parameters and MACs."""
    first, second = network_title(one), network_title(other)
    if one.name == other.name:
        return f"Both are {first}", "Choose another network to see what differs."
    alike = sum(pair.alike for pair in pairs)
    answer = f"{second} has no block in common with {first}"
    if alike:
        answer = f"{second} shares {alike} of its {len(other.blocks)} blocks with {first}"
    added = Counter(pair.other.kind for pair in pairs if pair.one is None and pair.other)
    blocks = " and ".join(
        f"{number} block{'s' if number > 1 else ''} of {kind}" for kind, number in added.items()
    )
    adds = f"It adds {blocks}. " if alike and added else ""
    parameters = _difference(one.parameters, other.parameters, "parameters")
    macs = _difference(one.macs, other.macs, "MACs a cell")
    return answer, f"{adds}It has {parameters} and {macs}."


def network_table(networks: dict[str, NetworkSummary]) -> pd.DataFrame:
    """One row a network; parameters and MACs in millions."""
    return pd.DataFrame(
        {
            "Network": network_title(network),
            "Parameters": network.parameters / 1e6,
            "MACs": round(network.macs / 1e6),
            "Input": diagram.shape_text(network.blocks[0].input),
            "ImageNet weights": architecture(network).imagenet,
            "Source": architecture(network).source.splitlines()[0].removesuffix("."),
        }
        for network in networks.values()
    )


def layer_table(network: NetworkSummary) -> pd.DataFrame:
    """One row a layer with weights."""
    return pd.DataFrame(
        {
            "Layer": layer.name,
            "Kind": layer.kind,
            "In": diagram.shape_text(layer.input),
            "Out": diagram.shape_text(layer.output),
            "Parameters": layer.parameters,
            "MACs": layer.macs,
        }
        for block in network.blocks
        for layer in block.children
    )


def _difference(before: int, now: int, noun: str) -> str:
    if before == now:
        return f"as many {noun}"
    share = 100 * abs(now - before) / before
    percentage = "less than 0.1 %" if share < 0.1 else f"{share:,.1f} %"
    more = "more" if now > before else "fewer"
    return f"{diagram.short_number(abs(now - before))} {noun} {more} ({percentage})"
