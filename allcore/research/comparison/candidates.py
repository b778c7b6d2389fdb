"""Who takes part in a comparison, what each needs, and whether it can."""

from collections.abc import Sequence

from allcore.errors import ModelError
from allcore.evaluation.comparison import NETWORKS, PROTOCOLS

FEATURES_OF = "qcresnet"
"""The network whose penultimate features the probes read."""
PROBES = ("logistic", "svm")
ENSEMBLE = "ensemble"
BASELINE = "area_brightness"
NEURAL = tuple(name for name in NETWORKS if name not in (*PROBES, ENSEMBLE, BASELINE))


def networks(names: Sequence[str]) -> tuple[str, ...]:
    """Names in the order of every table, once each.

    Raises:
        ModelError: one is not known, or the ensemble has nobody to be made of.
    """
    chosen = _known(names, NETWORKS, "network")
    if ENSEMBLE in chosen and not members(chosen):
        raise ModelError(
            f"An ensemble needs members: compare it together with some of {', '.join(NEURAL)}."
        )
    return chosen


def protocols(names: Sequence[str]) -> tuple[str, ...]:
    """Names in the order of every table, once each.

    Raises:
        ModelError: one is not known.
    """
    return _known(names, PROTOCOLS, "protocol")


def members(chosen: Sequence[str]) -> tuple[str, ...]:
    """The networks that an ensemble is made of: all that learn from pixels."""
    return tuple(name for name in chosen if name in NEURAL)


def made_of(network: str, chosen: Sequence[str]) -> tuple[str, ...]:
    """The networks that a contender rests on, none for most."""
    if network in PROBES:
        return (FEATURES_OF,)
    return members(chosen) if network == ENSEMBLE else ()


def trained(chosen: Sequence[str]) -> tuple[str, ...]:
    """What has to be trained for these, in order: features before the probes that read them."""
    needed = {part for name in chosen for part in (name, *made_of(name, chosen))}
    return tuple(name for name in NETWORKS if name in needed and name != ENSEMBLE)


def init_of(network: str, init: str) -> str:
    """What a network is initialised by where ``init`` is asked for.

    ``imagenet`` helps those for whom torchvision has such weights, a file those with the body of
    the network that it was made for; the others start from ``none``.
    """
    from allcore.nets import registry

    if network not in NEURAL or init == "none":
        return "none"
    weights = getattr(registry.ARCHITECTURES[network], "IMAGENET", None)
    if init == "imagenet":
        return init if weights else "none"
    return init if weights == _imagenet_of_features() else "none"


def check_size(chosen: Sequence[str], size: int) -> None:
    """Raise a ModelError where a network can't take cells of this side."""
    from allcore.nets import registry

    for name in trained(chosen):
        least = registry.ARCHITECTURES[name].MIN_SIZE if name in NEURAL else 0  # type: ignore[attr-defined]
        if size < least:
            raise ModelError(
                f"{NETWORKS[name]} takes cells of {least} pixels at least: raise --size, or leave "
                f"{name} out."
            )


def _imagenet_of_features() -> str | None:
    from allcore.nets.resnet18 import ResNet18

    return ResNet18.IMAGENET


def _known(names: Sequence[str], titles: dict[str, str], what: str) -> tuple[str, ...]:
    unknown = [name for name in names if name not in titles]
    if unknown or not names:
        raise ModelError(
            f"There is no {what} '{unknown[0] if unknown else ''}': choose some of "
            f"{', '.join(titles)}."
        )
    return tuple(name for name in titles if name in names)
