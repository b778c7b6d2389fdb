import json
import sys
from pathlib import Path

import pytest

from allcore import __main__ as cli
from allcore.cli import data
from allcore.cnmc import release
from allcore.errors import DataError
from allcore.synthetic import dataset, demo
from allcore.synthetic import targets as synthetic_targets
from tests import mirrors, released


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "set"
    dataset.draw_set(folder, cells=56, subjects=8, seed=1)
    return folder


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str | int | None:
    """Exit status of the command line, or the line that a failed command ends with."""
    monkeypatch.setattr(sys, "argv", ["allcore", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


def test_synth__draws_and_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "set"
    arguments = ["data", "synth", str(folder), "--cells", "24", "--subjects", "8", "--seed", "3"]
    assert run(monkeypatch, *arguments) == 0
    said = capsys.readouterr().out
    assert "24 synthetic cells of 8 subjects" in said
    assert "Research use only" in said
    assert len(list(folder.glob("*.png"))) == 24


def test_synth__refuses_a_full_folder(
    drawn: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = run(monkeypatch, "data", "synth", str(drawn))
    assert isinstance(ended, str)
    assert "not empty" in ended
    assert "\n" not in ended


def test_synth__wrong_usage(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "data", "synth", "--cells", "24") == 2
    assert not home.exists()


def test_synth__without_a_folder_is_the_apps_set(
    home: Path, drawn: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn_into = []

    def move(folder: Path, **_: int) -> None:
        drawn_into.append(folder)
        drawn.rename(folder)

    monkeypatch.setattr(demo, "_draw_in_place", move)
    data.synth()
    assert drawn_into == [home / "demo"]
    assert "56 synthetic cells" in capsys.readouterr().out
    (home / "demo").rename(drawn)


def test_measure__writes_targets(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "targets.json"
    data.measure(drawn, out=out, per_subject=3)
    monkeypatch.setattr(synthetic_targets, "FILE", out)
    targets = synthetic_targets.load.__wrapped__()
    assert targets.source == dataset.NAME
    assert "--per-subject 3" in targets.command
    assert str(drawn) not in targets.command


def test_compare__tables_both_sets_and_says_what_the_model_does(
    drawn: Path, tmp_path: Path, tiny_model: Path
) -> None:
    info = (tiny_model / "model.json").read_text()
    split = '"training": {"split": {"kind": "subject", "seed": 1}}'
    (tiny_model / "model.json").write_text(info.replace('"training": {}', split))
    data.compare(drawn, drawn, out=tmp_path / "docs" / "page.md", per_subject=3)
    text = (tmp_path / "docs" / "page.md").read_text()
    assert "### ALL blast" in text
    assert text.count("| area | px |") == 2
    assert "none of them with a planted fault" in text
    assert "AUROC of `tiny`" in text
    assert str(drawn.parent) not in text


def test_compare__without_a_model(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ALLSCOPE_MODELS", str(tmp_path))
    data.compare(drawn, drawn, per_subject=2)
    assert "Not computed" in capsys.readouterr().out


def test_compare__missing_folder(drawn: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="check the path"):
        data.compare(tmp_path / "none", drawn)


@pytest.fixture
def small_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """A public release of ten small files."""
    monkeypatch.setattr(release, "read_release", released.facts)


@pytest.mark.usefixtures("small_release")
def test_verify__whole_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    released.lay(tmp_path)
    assert run(monkeypatch, "data", "verify", str(tmp_path)) == 0
    assert "All 10 files are there as they were published" in capsys.readouterr().out


@pytest.mark.usefixtures("small_release")
def test_verify__says_what_is_not_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing, altered, moved = released.PATHS[:3]
    released.lay(tmp_path, without=(missing, moved))
    (tmp_path / altered).write_bytes(b"other")
    released.put(tmp_path / "else.bmp", released.content(moved))
    for number in range(12):
        released.put(tmp_path / f"mine{number:02}.png", b"mine")
    (tmp_path / "odd\udcff.png").write_bytes(b"not UTF-8")
    ended = run(monkeypatch, "data", "verify", str(tmp_path))
    assert isinstance(ended, str)
    assert "Of the 10 files of C-NMC 2019, 1 missing and 1 altered in" in ended
    assert "\n" not in ended
    said = capsys.readouterr().out
    assert f"1 missing:\n  {missing}\n" in said
    assert f"1 altered:\n  {altered}\n" in said
    assert f"{moved}: else.bmp" in said
    assert "12 not of the release" in said
    assert "and 2 more (--json)" in said
    assert "1 not read:\n  odd\\udcff.png (a name that is no UTF-8 text)" in said


@pytest.mark.usefixtures("small_release")
def test_verify__as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing, altered = released.PATHS[:2]
    released.lay(tmp_path, without=(missing,))
    (tmp_path / altered).write_bytes(b"other")
    assert isinstance(run(monkeypatch, "data", "verify", str(tmp_path), "--json"), str)
    found = json.loads(capsys.readouterr().out)
    assert found["complete"] is False
    assert found["missing"] == [{"path": missing, "found": None}]
    assert found["altered"] == [{"path": altered, "found": altered}]
    assert sum(row["in_place"] for row in found["counts"]) == 8


def test_verify__missing_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = run(monkeypatch, "data", "verify", str(tmp_path / "none"))
    assert isinstance(ended, str)
    assert "check the path" in ended


@pytest.mark.usefixtures("small_release")
def test_fetch__brings_and_says_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with mirrors.serving() as mirror:
        arguments = ["data", "fetch", "cnmc", str(tmp_path / "set"), "--from", mirror.url]
        assert run(monkeypatch, *arguments) == 0
    said = capsys.readouterr().out
    assert "10 files brought; 10 of 10 are now in" in said
    assert f"put {release.LABELS_TABLE} there by hand" in said


@pytest.mark.usefixtures("small_release")
def test_fetch__says_why_files_did_not_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lacking = released.PATHS[0]
    with mirrors.serving() as mirror:
        mirror.statuses[lacking] = 404
        arguments = ["data", "fetch", "cnmc", str(tmp_path), "--from", mirror.url]
        ended = run(monkeypatch, *arguments)
    assert isinstance(ended, str)
    assert "1 did not come, 1 because the mirror does not have it (HTTP 404)" in ended
    assert f"such as {lacking}: run the command again" in ended
    assert "9 files brought; 9 of 10" in capsys.readouterr().out


@pytest.mark.usefixtures("small_release")
def test_fetch__source_that_lacks_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = released.lay(tmp_path / "some", without=released.PATHS[:1])
    ended = run(monkeypatch, "data", "fetch", "cnmc", str(tmp_path / "set"), "--from", str(source))
    assert isinstance(ended, str)
    assert "The source lacks some files. Of the 10 files of C-NMC 2019, 1 missing in" in ended


def test_fetch__other_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "data", "fetch", "mnist", str(tmp_path / "set")) == 2
    assert not (tmp_path / "set").exists()


def lay_exchanged(root: Path) -> Path:
    """Two cells of C-NMC's names, each in the folder of the other class."""
    released.put(root / "all" / "UID_H1_1_1_hem.png", b"1")
    released.put(root / "hem" / "UID_1_1_1_all.png", b"1")
    released.put(root / "hem" / "scan.svs", b"1")
    return root


def test_show__says_how_a_folder_is_read(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = lay_exchanged(tmp_path / "set")
    assert run(monkeypatch, "data", "show", str(root)) == 0
    said = capsys.readouterr().out
    assert "Read as class folders: all, hem: 2 images of 2 subjects (2 without a label)." in said
    assert "Left out: 1 .svs, a picture in a format that is not read" in said
    assert "2 of 2 file names contradict" in said and "--labels all=hem,hem=all" in said


def test_show__tries_labels_without_keeping_them(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = lay_exchanged(tmp_path / "set")
    found = []
    for more in ((), ("--labels", "all=hem,hem=all"), ("--labels", "names"), ()):
        assert run(monkeypatch, "data", "show", str(root), "--json", *more) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert list(found[0]) == [
        "layout", "images", "labels", "splits", "subjects", "left_out", "warnings",
    ]  # fmt: skip
    assert [fields["labels"] for fields in found] == [
        {"none": 2}, {"hem": 1, "all": 1}, {"hem": 1, "all": 1}, {"none": 2},
    ]  # fmt: skip
    assert run(monkeypatch, "data", "show", str(root), "--labels", "0=dog") == 2


def test_show__of_nothing(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = run(monkeypatch, "data", "show", str(tmp_path))
    assert isinstance(ended, str) and ended.startswith("Error: No picture was found")
