"""Networks of a comparison: selection, composition and requirements."""

from collections.abc import Sequence

from allcore.errors import ModelError
from allcore.evaluation.comparison import NETWORKS, PRETRAINED, PROTOCOLS
from allcore.nets import registry, summaries

FEATURES_OF = "qcresnet"
"""The network whose penultimate features the probes use."""
FAMILIES = {name: facts.family for name, facts in summaries.architectures().items()}


def architecture_of(network: str) -> str:
    """Name in the registry of a network of a comparison."""
    return PRETRAINED.get(network, network)


def is_trained(network: str) -> bool:
    """True if a network is trained on pixels."""
    return FAMILIES.get(architecture_of(network)) == "trained"


def is_probe(network: str) -> bool:
    """True if a network is fitted on the features of ``FEATURES_OF``."""
    return FAMILIES.get(network) == "probe"


def is_ensemble(network: str) -> bool:
    """True if a network is composed of the trained ones."""
    return FAMILIES.get(network) == "ensemble"


def networks(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names without duplicates, in the order of all tables.

    Raises:
        ModelError: one is unknown, or an ensemble has no members.
    """
    chosen = _known(names, NETWORKS, "network")
    if any(map(is_ensemble, chosen)) and not members(chosen):
        raise ModelError(
            "An ensemble needs members: compare it together with some of "
            f"{', '.join(members(tuple(NETWORKS)))}."
        )
    return chosen


def protocols(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names without duplicates, in the order of all tables.

    Raises:
        ModelError: one is unknown.
    """
    return _known(names, PROTOCOLS, "protocol")


def members(chosen: Sequence[str]) -> tuple[str, ...]:
    """Members of an ensemble: all networks trained on pixels from random weights."""
    return tuple(name for name in chosen if is_trained(name) and name not in PRETRAINED)


def made_of(network: str, chosen: Sequence[str]) -> tuple[str, ...]:
    """Networks that a candidate depends on; mostly empty."""
    if is_probe(network):
        return (FEATURES_OF,)
    return members(chosen) if is_ensemble(network) else ()


def trained(chosen: Sequence[str]) -> tuple[str, ...]:
    """Required runs in order: networks before the probes on their features."""
    needed = {part for name in chosen for part in (name, *made_of(name, chosen))}
    return tuple(name for name in NETWORKS if name in needed and not is_ensemble(name))


def init_of(network: str, init: str) -> str:
    """Initialisation of a network in a comparison with ``init``: that of ``PRETRAINED`` ones."""
    return init if network in PRETRAINED else "none"


def check_init(chosen: Sequence[str], init: str) -> None:
    """Raise a ModelError where a network needs initial weights and there are none."""
    for name in chosen:
        if name in PRETRAINED and init == "none":
            raise ModelError(
                f"{NETWORKS[name]} starts from weights: give them with --init, or leave it out."
            )


def check_size(chosen: Sequence[str], size: int) -> None:
    """Raise a ModelError where a network does not support this input side."""
    for name in trained(chosen):
        network = architecture_of(name)
        least = registry.architecture(network).MIN_SIZE if is_trained(name) else 0
        if size < least:
            raise ModelError(
                f"{NETWORKS[name]} takes cells of {least} pixels at least: raise --size, or leave "
                f"{name} out."
            )


def _known(names: Sequence[str], titles: dict[str, str], what: str) -> tuple[str, ...]:
    unknown = [name for name in names if name not in titles]
    if unknown or not names:
        raise ModelError(
            f"There is no {what} '{unknown[0] if unknown else ''}': choose some of "
            f"{', '.join(titles)}."
        )
    return tuple(name for name in titles if name in names)
