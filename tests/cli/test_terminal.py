"""The command as a person meets it: its own process, odd names, full disks, Ctrl-C."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from allcore import __main__ as cli
from allcore import formats
from allcore.cli import terminal
from allcore.cli.train import train
from allcore.errors import AllScopeError, Stopped
from allcore.training import run as training
from tests.conftest import REPOSITORY, draw_cell

CONTROL = set("\x1b\x07\r\x9b\u202e")
HOSTILE = "\x1b]0;owned\x07\x1b[31mred\rover\x9b2J\u202etxt"


def command(*arguments: object, **environment: str) -> "subprocess.Popen[bytes]":
    words = [str(word) if not isinstance(word, bytes) else word for word in arguments]
    return subprocess.Popen(
        [sys.executable, "-m", "allcore", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=REPOSITORY,
        env=os.environ | {"OMP_NUM_THREADS": "1", **environment},
    )


def run(*arguments: object, **environment: str) -> tuple[int, str, str]:
    process = command(*arguments, **environment)
    out, err = process.communicate(timeout=110)
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
def cell(tmp_path: Path, home: Path, tiny_model: Path) -> Path:
    path = tmp_path / "cell.png"
    Image.fromarray(draw_cell(seed=0)).save(path)
    return path


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", r"a\u001b[31mb"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x9b2J\x7f", r"\u009b2J\u007f"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        (os.fsdecode(b"caf\xe9.png"), r"caf\udce9.png"),
        ("Blasté — 95 %, 細胞", "Blasté — 95 %, 細胞"),
    ],
)
def test_printable__escapes_what_is_no_letter(text: str, shown: str) -> None:
    assert formats.printable(text) == shown


def test_commands__print_through_the_terminal() -> None:
    for path in (REPOSITORY / "allcore" / "cli").glob("*.py"):
        if path.name != "terminal.py":
            assert " print(" not in path.read_text(), path
            assert "echo(" not in path.read_text(), path


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_require_writable__is_one_sentence(tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe")
    bad = [tmp_path / "file" / "inside" / "out.csv"]
    bad += [tmp_path, tmp_path / "pipe"] if kind == "file" else [tmp_path / "file"]
    for path in bad:
        with pytest.raises(AllScopeError, match=r"can't be written .*: choose another"):
            terminal.require_writable(path, "--out", kind=kind)
    terminal.require_writable(tmp_path / "new" / "deep" / "out.csv", "--out", kind=kind)
    assert not (tmp_path / "new").exists()


def test_predict__a_missing_path_ends_with_status_1(cell: Path, tmp_path: Path) -> None:
    status, _, err = run("predict", tmp_path / "nowhere.png", cell, "--out", tmp_path / "p.csv")
    assert status == 1
    assert err.splitlines()[-1].endswith("nowhere.png: check the path.")
    rows = pd.read_csv(tmp_path / "p.csv")
    assert list(rows["reason"].fillna("")) == ["There is no such file; check the path.", ""]
    assert run("predict", cell)[0] == 0


@pytest.fixture
def odd(cell: Path, tmp_path: Path) -> Path:
    """A folder whose name would retitle and recolour a terminal, with three odd names in it."""
    folder = tmp_path / HOSTILE
    folder.mkdir()
    for name in (b"caf\xe9.png", b"a\nb.png", "Zelle ü.png".encode()):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(cell.read_bytes())
    return folder


ODD = ["Zelle ü.png", r"a\nb.png", r"caf\udce9.png"]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_predict__odd_names_are_read_and_written(odd: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"p.{suffix}"
    result = CliRunner().invoke(cli.application(), ["predict", str(odd), "--out", str(out)])
    assert result.exit_code == 0
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet}
    table = pd.read_json(out, lines=True) if suffix == "jsonl" else read[suffix](out)
    assert sorted(path.rsplit("/", 1)[-1] for path in table["path"]) == ODD
    assert set(table["verdict"]) <= {"all", "hem"}


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_predict__a_terminal_that_lacks_letters(odd: Path, encoding: str) -> None:
    process = command("predict", odd, PYTHONIOENCODING=encoding)
    out, err = process.communicate(timeout=110)
    assert process.returncode == 0, err
    for text in (out.decode(encoding), err.decode(encoding)):
        assert not set(text) & CONTROL, text
    assert len(out.splitlines()) == 4
    assert ("Zelle ü" in out.decode(encoding)) == (encoding != "ascii")


def test_predict__json_survives_an_ascii_terminal(odd: Path) -> None:
    rows = json.loads(run("predict", odd, "--json", PYTHONIOENCODING="ascii")[1])
    assert sorted(row["path"].rsplit("/", 1)[-1] for row in rows) == ODD


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", "CELL", "--model", HOSTILE),
        ("predict", "CELL", "--out", f"CELL/{HOSTILE}.csv"),
        ("predict", "CELL", "--engine", HOSTILE),
        ("predict", "CELL", f"--{HOSTILE}"),
        ("data", "health", HOSTILE),
        ("train", "--data", "CELL", "--arch", "lenet5", "--out", "x", "--split", HOSTILE),
    ],
)
def test_failures__show_no_control_characters(cell: Path, arguments: tuple[str, ...]) -> None:
    status, out, err = run(*(word.replace("CELL", str(cell)) for word in arguments))
    assert status in (1, 2)
    assert not set(out + err) & CONTROL, err
    assert "Traceback" not in err


def test_predict__a_pipe_is_refused(cell: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pipes"
    folder.mkdir()
    for name in ("pipe.png", "pipe.zip"):
        os.mkfifo(folder / name)
    status, out, _ = run("predict", folder, folder / "pipe.png", "/dev/null")
    assert status == 0
    assert out.count("pipe or a device") == 4


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("broken.png", 1, "no such file"),
        ("*.bmp", 1, "no such file"),
        ("-", 1, "no such file"),
        ("socket.png", 0, "pipe or a device"),
        ("empty", 0, "holds no files"),
        ("empty.png", 0, "0 bytes"),
        ("packed.dat", 0, "an archive"),
        ("page.png", 0, "not a readable"),
    ],
)
def test_predict__what_is_no_picture(
    cell: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, status: int, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.png").symlink_to("gone.png")
    Path("empty").mkdir()
    Path("empty.png").touch()
    Path("packed.dat").write_bytes(b"PK\x03\x04")
    Path("page.png").write_text("<html>404</html>")
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("socket.png")
        result = CliRunner().invoke(cli.application(), ["predict", "--", name])
    assert result.exit_code == status, result.output
    assert reason in result.stdout
    assert "1 picture: 0 ALL blast, 0 normal, 1 refused." in result.stderr
    assert "Traceback" not in result.output


def test_predict__output_is_tried_before_the_work(cell: Path, tmp_path: Path) -> None:
    for option, path in (("--out", cell / "p.csv"), ("--report", cell)):
        status, out, err = run("predict", cell, option, path)
        assert (status, out) == (1, "")
        assert len(err.splitlines()) == 1
        assert f"choose another place by {option}" in err


def test_predict__a_full_disk_and_a_closed_pipe(cell: Path) -> None:
    words = [sys.executable, "-m", "allcore", "predict", str(cell)]
    full = subprocess.run(
        f"{' '.join(words)} > /dev/full", shell=True, capture_output=True, cwd=REPOSITORY
    )
    assert full.returncode == 1
    assert b"can't be read or written (No space left on device)" in full.stderr.splitlines()[-1]
    closed = subprocess.run(
        f"{' '.join(words)} | true", shell=True, capture_output=True, cwd=REPOSITORY
    )
    assert b"Traceback" not in full.stderr + closed.stderr
    assert b"Exception ignored" not in full.stderr + closed.stderr


def test_predict__ctrl_c_keeps_what_was_answered(cell: Path, tmp_path: Path) -> None:
    """The reports tell when the first answers are there."""
    folder, out, reports = tmp_path / "many", tmp_path / "p.csv", tmp_path / "reports"
    folder.mkdir()
    for number in range(400):
        shutil.copy(cell, folder / f"{number:03}.png")
    process = command("predict", folder, "--out", out, "--report", reports, "--batch-size", 1)
    deadline = time.monotonic() + 80
    while time.monotonic() < deadline and not list(reports.glob("*.pdf")):
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=30)[1].decode()
    assert process.returncode == 130, err
    answered = len(pd.read_csv(out))
    assert 0 < answered < 400
    pictures = formats.count(answered, "picture")
    assert err.splitlines()[-1] == f"Stopped after {pictures}: their answers are in {out}."
    assert "Traceback" not in err


def test_train__ctrl_c_says_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(_plan: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", stopped)
    with pytest.raises(Stopped, match="made keeps what was trained"):
        train(data=tmp_path, arch="lenet5", out=tmp_path / "made")
