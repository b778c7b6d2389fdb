"""All networks that learn from cells, described in one file, so that nobody waits for torch.

``described.json`` beside this file holds what the modules themselves give; where they changed,
``python -m allcore.nets.summary_file`` writes it again.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from allcore.nets.layer_blocks import Anatomy, Block

FILE = Path(__file__).with_name("summaries.json")
SIZES = (64, 128, 224, 320)
"""Sides of the input that the file holds, pixels; every network takes all of them."""


@dataclass(frozen=True)
class Description:
    """One architecture: what it is made of, and where it comes from.

    Attributes:
        anatomy: for cells of one size.
        imagenet: whether ImageNet weights can be loaded.
        source: the publication, and what in it is our reading.
    """

    anatomy: Anatomy
    imagenet: bool
    source: str


def read(size: int) -> dict[str, Description]:
    """All networks by name, for cells of one of ``SIZES``, as the file holds them."""
    rows = json.loads(FILE.read_text(encoding="utf-8"))
    found = (Description(**row | {"anatomy": _anatomy(row["anatomy"])}) for row in rows)
    return {each.anatomy.name: each for each in found if each.anatomy.size == size}


def describe(size: int) -> dict[str, Description]:
    """The same as the modules give it now."""
    from allcore.nets import model_summary as anatomy
    from allcore.nets import registry

    return {
        name: Description(
            anatomy=anatomy.summary(name, size=size),
            imagenet=getattr(registry.ARCHITECTURES[name], "IMAGENET", None) is not None,
            source=registry.source(name),
        )
        for name in registry.trainable()
    }


def write() -> None:
    """Describe the modules in the file, a network and size a line."""
    found = [each for size in SIZES for each in describe(size).values()]
    lines = [json.dumps(asdict(each), separators=(",", ":"), ensure_ascii=False) for each in found]
    FILE.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


def _anatomy(fields: dict[str, Any]) -> Anatomy:
    return Anatomy(**fields | {"blocks": tuple(map(_block, fields["blocks"]))})


def _block(fields: dict[str, Any]) -> Block:
    shapes = {side: tuple(fields[side]) for side in ("input", "output")}
    return Block(**fields | shapes | {"children": tuple(map(_block, fields["children"]))})


if __name__ == "__main__":
    write()
