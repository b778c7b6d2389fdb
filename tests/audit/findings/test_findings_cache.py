"""What is kept of findings, and when it no longer holds."""

from pathlib import Path

import pandas as pd
import pytest

from allcore.audit.findings import checks, findings_cache
from allcore.audit.findings.audit_inputs import AuditInputs
from allcore.audit.findings.finding import Finding
from allcore.audit.index import build, store
from allcore.data import readers
from allcore.data.manifest import Manifest
from allcore.errors import DataError
from tests import conftest


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A data set with one cell under two subjects, and the home of its index."""
    folder = tmp_path_factory.mktemp("kept")
    data = conftest.draw_folders(folder / "data", subjects=6, cells=3)
    twin = data / "all" / "UID_101_9_1_all.png"
    twin.write_bytes((data / "all" / "UID_100_0_1_all.png").read_bytes())
    build.build_index(data, home=folder / "home")
    return data, folder / "home"


def listed(indexed: tuple[Path, Path]) -> tuple[Manifest, store.About]:
    data, home = indexed
    return readers.read(data), store.read_rows(data, home)[0]


def test_refresh__is_read_back_as_found(indexed: tuple[Path, Path]) -> None:
    data, home = indexed
    found = findings_cache.refresh(data, home)
    assert {"exact_duplicate", "cell_under_two_subjects"} <= {each.kind for each in found}
    assert findings_cache.read_cached(data, *listed(indexed), home=home) == found


def test_refresh__without_an_index(tmp_path: Path) -> None:
    data = conftest.draw_folders(tmp_path / "data", subjects=2, cells=1)
    with pytest.raises(DataError, match="is not indexed yet"):
        findings_cache.refresh(data, tmp_path / "home")


@pytest.mark.parametrize("column", ["label", "subject", "group", "sha256"])
def test_read__of_a_manifest_that_changed(indexed: tuple[Path, Path], column: str) -> None:
    data, home = indexed
    findings_cache.refresh(data, home)
    whole, about = listed(indexed)
    table = whole.table.copy()
    table.loc[0, column] = "other"
    changed = Manifest(whole.root, table, whole.name)
    assert findings_cache.read_cached(data, changed, about, home=home) is None


def test_read__of_an_index_made_anew(indexed: tuple[Path, Path]) -> None:
    data, home = indexed
    findings_cache.refresh(data, home)
    whole, about = listed(indexed)
    later = store.About(**{**vars(about), "finished": "2030-01-01T00:00:00+00:00"})
    assert findings_cache.read_cached(data, whole, later, home=home) is None


def test_read__with_another_judge(
    indexed: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, home = indexed
    findings_cache.refresh(data, home)
    monkeypatch.setattr(checks, "find_judge", lambda *_, **__: checks.LabelJudge("new", "f00"))
    assert findings_cache.read_cached(data, *listed(indexed), home=home) is None


@pytest.mark.parametrize("content", ["", "[]", '{"made_of": 1}', "\x00"])
def test_read__of_a_damaged_file(indexed: tuple[Path, Path], content: str) -> None:
    data, home = indexed
    (store.folder(data, home) / findings_cache.FILE).write_text(content)
    assert findings_cache.read_cached(data, *listed(indexed), home=home) is None


def test_everything__finds_leaks_of_the_split_that_is_given(
    indexed: tuple[Path, Path], tmp_path: Path
) -> None:
    data, home = indexed
    whole = readers.read(data)
    assert not {"twin_across_split"} & kinds(findings_cache.all_findings(data, home=home))
    parts = whole.table["subject"].map(lambda name: "test" if name == "101" else "train")
    split = pd.DataFrame({"image_id": whole.table["image_id"], "split": parts})
    split.to_csv(tmp_path / "split.csv", index=False)
    health = findings_cache.all_findings(data, split=tmp_path / "split.csv", home=home)
    assert health.images == len(whole)
    assert "twin_across_split" in kinds(health) and "subject_across_split" not in kinds(health)


def test_everything__is_what_all_checks_find(indexed: tuple[Path, Path]) -> None:
    data, home = indexed
    found = findings_cache.all_findings(data, home=home)
    inputs = AuditInputs.of(readers.read(data), store.read(data, home))
    assert list(found.findings) == checks.run_checks(inputs)


def test_leaks__leave_the_cell_out_of_the_earlier_part(indexed: tuple[Path, Path]) -> None:
    data, home = indexed
    whole, twins = readers.read(data), store.read(data, home, arrays=False)
    pair = ["all/UID_100_0_1_all.png", "all/UID_101_9_1_all.png"]
    for parts, out in (
        (("train", "validation"), pair[:1]),
        (("test", "train"), pair[1:]),
        (("validation", "test"), pair[:1]),
    ):
        split = pd.Series(dict(zip(pair, parts, strict=True)))
        assert list(findings_cache.find_leaks(whole, twins, split)[0].leave_out) == out
    for parts in (("train", "train"), ("train", "excluded"), ("test", None)):
        split = pd.Series(dict(zip(pair, parts, strict=True)), dtype=object)
        assert findings_cache.find_leaks(whole, twins, split) == []


def test_digest__tells_rows_and_columns_apart() -> None:
    one = pd.DataFrame({"a": ["x", "yz"], "b": ["", None]})
    for other in (one.assign(a=["xy", "z"]), one.rename(columns={"a": "b", "b": "a"}), one[::-1]):
        assert findings_cache.table_digest(one, ("a", "b")) != findings_cache.table_digest(
            other, ("a", "b")
        )


def test_from_dict__gives_back_what_as_dict_gave() -> None:
    finding = Finding("dark", "low", ("a",), "W.", "D.", {"groups": [["a"]]}, ("a",))
    assert Finding.from_dict(finding.as_dict()) == finding


def kinds(health: findings_cache.HealthReport) -> set[str]:
    return {each.kind for each in health.findings}


def test_leaks__of_a_subject_in_two_parts(indexed: tuple[Path, Path]) -> None:
    data, home = indexed
    whole, twins = readers.read(data), store.read(data, home, arrays=False)
    own = whole.table.loc[whole.table["subject"] == "102", "image_id"].tolist()
    split = pd.Series(["train", "test", "train"], index=own)
    found = findings_cache.find_leaks(whole, twins, split)
    assert [each.kind for each in found] == ["subject_across_split"]
    assert found[0].detail["subjects"] == ["102"] and set(found[0].image_ids) == set(own)
