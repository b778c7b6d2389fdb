"""Each benchmark runs at a tiny scale and gives a whole object; no time is asserted."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from allcore.errors import AllScopeError
from benchmarks import opening, peer_findings, peers, servers, table, timing
from benchmarks.registry import BENCHMARKS
from benchmarks.timing import Result, Scale

ROOT = Path(__file__).parents[2]
TINY = Scale(images=4, rounds=1, predictions=4)
WITH_HISTORY = {"opening"}
"""Those that need an earlier commit."""
WITH_PEER = {"import", "explorer"}
"""Those that need a peer in a Python of its own."""
UNITS = {"points", "images/s", "ms/image", "ms/move", "ms/run", "ms/try", "s", "MB"}


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "name", sorted(set(BENCHMARKS) - {"startup", "selection", "pages"} - WITH_PEER - WITH_HISTORY)
)
@pytest.mark.usefixtures("home", "tiny_model")
def test_benchmark__gives_a_whole_object(name: str) -> None:
    _check(name)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("home")
def test_opening__gives_a_whole_object(monkeypatch: pytest.MonkeyPatch) -> None:
    known = subprocess.run(["git", "cat-file", "-e", opening.BEFORE], cwd=ROOT, check=False)
    if known.returncode:
        pytest.skip("no clone with the whole history")
    monkeypatch.setattr(opening, "FILES", 200)
    _check("opening")


@pytest.mark.usefixtures("home")
def test_opening__says_that_it_needs_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "BEFORE", "0" * 40)
    with pytest.raises(AllScopeError, match="full clone"):
        BENCHMARKS["opening"].run(TINY)


@pytest.mark.long
@pytest.mark.browser
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("home", "tiny_model")
def test_startup__gives_a_whole_object() -> None:
    if not servers.chromium():
        pytest.skip("no Chromium on this machine")
    _check("startup")


@pytest.mark.usefixtures("home", "tiny_model")
def test_selection__says_which_pictures_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLSCOPE_DATA", raising=False)
    monkeypatch.setattr(servers, "chromium", lambda: "chromium")
    with pytest.raises(AllScopeError, match="ALLSCOPE_DATA"):
        BENCHMARKS["selection"].run(TINY)


@pytest.mark.parametrize("name", sorted(WITH_PEER))
def test_peer__says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(peers.LIGHTLY.variable, raising=False)
    with pytest.raises(AllScopeError, match=r"lightly-studio.*ALLSCOPE_PEER_LIGHTLY"):
        BENCHMARKS[name].run(TINY)


def test_answer__is_the_last_line_and_a_failure_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(peers.CLEANVISION.variable, sys.executable)
    script = "import sys; print('noise'); print('[1, \"' + sys.argv[1] + '\"]')"
    assert peers.CLEANVISION.answer(script, "two") == [1, "two"]
    with pytest.raises(AllScopeError, match=r"(?s)cleanvision failed.*no such"):
        peers.CLEANVISION.answer("raise ValueError('no such')")


def test_in_words__found_missed_and_others() -> None:
    pairs = peer_findings._marks([["a", "b", "c"]])
    assert pairs == {frozenset("ab"), frozenset("ac"), frozenset("bc")}
    planted = {"exact_duplicate": {frozenset("bc")}, "near_duplicate": {frozenset("ab")}}
    made = peer_findings.Case(Path("none"), planted)
    say = peer_findings._in_words
    assert say({"near_duplicate": pairs}, made, "near_duplicate") == "1 of 1, 1 others"
    assert say({"exact_duplicate": set()}, made, "exact_duplicate") == "0 of 1, 0 others"
    assert say({"exact_duplicate": None}, made, "exact_duplicate") == "can't be told"
    assert say({}, made, "near_duplicate") == "has none"
    assert say(None, made, "near_duplicate") == "not installed"


def _check(name: str) -> None:
    measured = BENCHMARKS[name].run(TINY)
    assert list(asdict(measured)) == ["name", "ours", "reference", "ratio", "unit", "machine"]
    assert measured.name == name
    assert measured.unit in UNITS
    assert min(measured.ours, measured.reference) > 0
    assert measured.ratio == pytest.approx(measured.ours / measured.reference, rel=0.05, abs=0.01)
    assert "torch" in measured.machine


def test_side_by_side__takes_turns_and_drops_the_first_run() -> None:
    order: list[str] = []
    figures = iter([99.0, 1.0, 5.0, 3.0])

    def ours() -> float:
        order.append("ours")
        return next(figures)

    def reference() -> float:
        order.append("reference")
        return 2.0

    assert timing.side_by_side(ours, reference, rounds=3) == (3.0, 2.0)
    assert order == ["ours", "reference"] * 4


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("home", "tiny_model")
def test_command__prints_one_object_a_line() -> None:
    ran = _run("gradcam", "--json", "--images", "2", "--rounds", "1")
    assert ran.returncode == 0
    assert [json.loads(line)["name"] for line in ran.stdout.splitlines()] == ["gradcam"]


def test_table__keeps_the_last_result_of_each_name(tmp_path: Path) -> None:
    def result(name: str, ours: float) -> Result:
        return timing.result(name, ours=ours, reference=10.0, unit="images/s")

    for measured in (result("single", 12), result("batch", 5), result("batch", 9.6)):
        table.record(measured, tmp_path)
    assert {name: kept.ours for name, kept in table.read(tmp_path).items()} == {
        "batch": 9.6,
        "single": 12,
    }
    lines = (tmp_path / table.PAGE).read_text().splitlines()
    rows = [line for line in lines if line.startswith("| `")]
    assert [row.split(" | ")[-1] for row in rows] == ["met |", "missed |"]
    assert rows[0].startswith("| `batch` | 0.96 | 9.6 | 10 | images/s | 0.95 or more")


def test_command__refuses_an_unknown_name() -> None:
    ran = _run("nonsense")
    assert ran.returncode == 2
    assert "nonsense" in ran.stderr


def _run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
