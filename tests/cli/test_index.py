"""``index`` and ``data health`` from the command line."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer

from allcore import __main__ as cli
from allcore.audit.findings import findings_cache
from allcore.audit.index import store
from allcore.cli import health, index
from allcore.errors import DataError, ModelError, Stopped
from tests.conftest import draw_folders


@pytest.fixture
def root(tmp_path: Path, home: Path) -> Path:
    folder = draw_folders(tmp_path / "cells", subjects=4, cells=3)
    first, second = sorted((folder / "all").iterdir())[:2]
    second.write_bytes(first.read_bytes())
    return folder


def test_commands__are_registered() -> None:
    assert cli.COMMANDS["index"] == "index.index"
    assert cli.COMMANDS["data health"] == "health.health"


def test_index__says_what_it_did(
    root: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index.index(root)
    index.index(root)
    printed = capsys.readouterr()
    first, found, again, still = printed.out.splitlines()
    assert first == "12 added, 0 changed, 0 dropped, 0 as before; 0 can't be used."
    assert again == "0 added, 0 changed, 0 dropped, 12 as before; 0 can't be used."
    assert found == still
    assert f"findings: see 'python -m allcore data health {root}'." in found
    assert (store.folder(root) / findings_cache.FILE).is_file()
    assert printed.err == ""


def test_index__prints_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "hem" / "text.png").write_text("no picture", encoding="utf-8")
    index.index(root, no_embeddings=True, as_json=True)
    told = json.loads(capsys.readouterr().out)
    counts = ("added", "changed", "dropped", "kept", "unreadable", "images", "read", "pruned")
    assert [told[name] for name in counts] == [13, 0, 0, 0, 1, 13, 13, 0]
    assert told["images_per_second"] == pytest.approx(13 / told["seconds"], rel=0.1)


def test_index__says_what_is_odd_about_a_data_set_and_indexes_it(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = draw_folders(tmp_path / "cells", subjects=2, cells=2)
    for number, file in enumerate(sorted((root / "all").iterdir())):
        file.rename(file.with_name(f"{number}.png"))
    (root / "hem").rename(tmp_path / "hem")
    (root / "hem").symlink_to(tmp_path / "hem")
    index.index(root, no_embeddings=True, prune=True)
    printed = capsys.readouterr()
    assert printed.out.startswith("2 added")
    notes = printed.err.splitlines()
    assert len(notes) == 3 and all(note.startswith("Note: ") for note in notes)
    assert "hem is a link" in notes[0]
    assert "one class alone" in notes[1] and "subject" in notes[2]


def test_index__of_an_empty_folder_says_what_is_needed(home: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No picture was found"):
        index.index(tmp_path, no_embeddings=True)


def test_index__without_a_model_says_how_to_go_on(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLSCOPE_MODELS", str(tmp_path / "none"))
    with pytest.raises(ModelError, match="--no-embeddings"):
        index.index(root)
    index.index(root, no_embeddings=True)


def test_index__needs_a_data_set(home: Path) -> None:
    with pytest.raises(DataError, match="ALLSCOPE_DATA"):
        index.index(None)


def test_health__needs_an_index(root: Path) -> None:
    with pytest.raises(DataError, match="python -m allcore index"):
        health.health(root)


def test_health__prints_a_table_or_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index.index(root, no_embeddings=True)
    capsys.readouterr()
    health.health(root)
    assert "exact_duplicate" in capsys.readouterr().out
    health.health(root, as_json=True)
    found = {each["kind"]: each for each in json.loads(capsys.readouterr().out)}
    assert found["exact_duplicate"]["count"] == 2
    assert {"kind", "severity", "image_ids", "detail", "why", "do"} <= set(found["exact_duplicate"])


def test_health__writes_findings_and_a_cleaned_manifest(root: Path, tmp_path: Path) -> None:
    index.index(root, no_embeddings=True)
    out, csv = tmp_path / "clean.csv", tmp_path / "findings.csv"
    health.health(root, csv=csv, exclude="exact_duplicate", out=out)
    assert len(pd.read_csv(out)) == 11
    assert set(pd.read_csv(csv)["kind"]) >= {"exact_duplicate"}
    assert len(list(root.rglob("*.png"))) == 12


def test_health__counts_contradicting_labels_until_they_are_decided(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = draw_folders(tmp_path / "cells", subjects=2, cells=2)
    (folders / "all").rename(folders / "x")
    (folders / "hem").rename(folders / "all")
    (folders / "x").rename(folders / "hem")

    def findings(labels: str | None = None) -> dict[str, dict[str, Any]]:
        index.index(folders, no_embeddings=True, labels=labels)
        capsys.readouterr()
        health.health(folders, as_json=True)
        return {each["kind"]: each for each in json.loads(capsys.readouterr().out)}

    asked = findings()
    assert asked["label_conflict"]["severity"] == "high"
    assert asked["label_conflict"]["count"] == 4
    assert asked["label_conflict"]["detail"]["choices"][0] == "all=hem,hem=all"
    assert "class_imbalance" not in asked
    assert "label_conflict" not in findings("all=hem,hem=all")


def test_health__wants_kinds_and_a_file_together(root: Path) -> None:
    with pytest.raises(typer.BadParameter, match="together"):
        health.health(root, exclude="dark")


def test_health__looks_for_leaks_in_a_split_of_its_own(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index.index(root, no_embeddings=True)
    split = tmp_path / "split.csv"
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))
    parts = ["train", "test", *["train"] * (len(names) - 2)]
    pd.DataFrame({"image_id": names, "split": parts}).to_csv(split, index=False)
    capsys.readouterr()
    health.health(root, as_json=True, split=split)
    found = {each["kind"]: each for each in json.loads(capsys.readouterr().out)}
    assert found["twin_across_split"]["leave_out"] == [names[0]]
    assert found["subject_across_split"]["severity"] == "high"
    split.write_text("no,columns\n", encoding="utf-8")
    with pytest.raises(DataError, match="image_id and split"):
        health.health(root, split=split)


def test_index__stopped_says_that_it_goes_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("allcore.audit.index.build.build_index", stopped)
    with pytest.raises(Stopped, match="the next run goes on"):
        index.index(root, no_embeddings=True)
