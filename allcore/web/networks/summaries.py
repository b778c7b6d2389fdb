"""The networks' anatomies, read once a process, and what is said of them."""

from collections import Counter

import pandas as pd
import streamlit as st

from allcore.evaluation.comparison import NETWORKS
from allcore.nets import layer_blocks, summary_file
from allcore.nets.layer_blocks import Pair
from allcore.nets.summary_file import SIZES, Description
from allcore.web.networks import diagram


def title(network: Description) -> str:
    """What a network is called."""
    return NETWORKS.get(network.anatomy.name, network.anatomy.name)


@st.cache_data(max_entries=len(SIZES), show_spinner="Reading the networks")
def load(size: int) -> dict[str, Description]:
    """All networks that learn from cells, by name, for cells of ``size`` pixels."""
    return summary_file.read(size)


@st.cache_data(max_entries=200, show_spinner=False)
def compared(one: str, other: str, size: int) -> list[Pair]:
    """Blocks of two networks side by side."""
    networks = load(size)
    return layer_blocks.compared(networks[one].anatomy.blocks, networks[other].anatomy.blocks)


def finding(one: Description, other: Description, pairs: list[Pair]) -> tuple[str, str]:
    """What the second network has and the first has not: the answer, and how much it weighs."""
    total = len(other.anatomy.blocks)
    alike = sum(pair.alike for pair in pairs)
    if one.anatomy.name == other.anatomy.name:
        return f"Both are {title(one)}", "Choose another network to see what differs."
    if not alike:
        answer = f"{title(other)} has no block in common with {title(one)}"
    else:
        answer = f"{title(other)} shares {alike} of its {total} blocks with {title(one)}"
    added = Counter(pair.other.kind for pair in pairs if pair.one is None and pair.other)
    words = " and ".join(
        f"{number} block{'s' if number > 1 else ''} of {kind}" for kind, number in added.items()
    )
    adds = f"It adds {words}. " if alike and added else ""
    parameters = _difference(one.anatomy.parameters, other.anatomy.parameters, "parameters")
    macs = _difference(one.anatomy.macs, other.anatomy.macs, "MACs a cell")
    return answer, f"{adds}It has {parameters} and {macs}."


def overview(networks: dict[str, Description]) -> pd.DataFrame:
    """One row a network, for a table on a page; parameters and MACs in millions."""
    return pd.DataFrame(
        {
            "Network": title(network),
            "Parameters": network.anatomy.parameters / 1e6,
            "MACs": round(network.anatomy.macs / 1e6),
            "Input": diagram.shape(network.anatomy.blocks[0].input),
            "ImageNet weights": network.imagenet,
            "Source": network.source.splitlines()[0].removesuffix("."),
        }
        for network in networks.values()
    )


def layers(network: Description) -> pd.DataFrame:
    """One row a layer with weights, for a table on a page."""
    return pd.DataFrame(
        {
            "Layer": layer.name,
            "Kind": layer.kind,
            "In": diagram.shape(layer.input),
            "Out": diagram.shape(layer.output),
            "Parameters": layer.parameters,
            "MACs": layer.macs,
        }
        for block in network.anatomy.blocks
        for layer in block.children
    )


def _difference(before: int, now: int, noun: str) -> str:
    if before == now:
        return f"as many {noun}"
    share = 100 * abs(now - before) / before
    words = "less than 0.1 %" if share < 0.1 else f"{share:,.1f} %"
    return (
        f"{diagram.count(abs(now - before))} {noun} {'more' if now > before else 'fewer'} ({words})"
    )
