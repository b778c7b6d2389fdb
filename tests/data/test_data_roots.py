"""Below which folders data sets may be connected, and what the browser of folders lists."""

import os
from pathlib import Path

import pytest

from allcore.data import data_roots
from allcore.errors import AllScopeError, DataError
from allcore.settings import Settings


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    root = tmp_path / "allowed"
    root.mkdir()
    return root


def settings(*folders: Path, data: Path | None = None) -> Settings:
    return Settings(data_roots=tuple(folders), data=data)


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def test_settings__several_folders(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLSCOPE_DATA_ROOTS", f"/one{os.pathsep} /two words {os.pathsep}")
    assert Settings().data_roots == (Path("/one"), Path("/two words"))
    monkeypatch.setenv("ALLSCOPE_DATA_ROOTS", "")
    assert Settings().data_roots == ()


def test_settings__part_of_a_path(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from allcore.settings import load

    monkeypatch.setenv("ALLSCOPE_DATA_ROOTS", "data")
    with pytest.raises(AllScopeError, match=r"ALLSCOPE_DATA_ROOTS can't be used.*whole path"):
        load()


def test_checked__inside(allowed: Path) -> None:
    folder = allowed / "细胞 Größe" / ("x" * 200)
    folder.mkdir(parents=True)
    assert data_roots.checked(folder, settings(allowed)) == folder.resolve()
    assert data_roots.checked(allowed, settings(allowed)) == allowed.resolve()
    table = allowed / "cells.CSV"
    table.write_text("path\n")
    assert data_roots.checked(table, settings(allowed)) == table.resolve()


def test_checked__the_data_set_of_the_settings(allowed: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    assert data_roots.checked(own, settings(data=own)) == own.resolve()
    with pytest.raises(DataError, match=r"lies outside.*ALLSCOPE_DATA_ROOTS"):
        data_roots.checked(allowed, settings(data=own))


def test_checked__outside_says_the_same_whether_or_not_it_is_there(
    allowed: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    there.mkdir()
    said = []
    for path in (there, tmp_path / "nope"):
        with pytest.raises(DataError, match="lies outside") as caught:
            data_roots.checked(path, settings(allowed))
        said.append(str(caught.value).replace(path.name, ""))
    assert said[0] == said[1]


def test_checked__a_name_that_only_begins_like_a_root(allowed: Path) -> None:
    beside = allowed.with_name("allowed but not")
    beside.mkdir()
    with pytest.raises(DataError, match="lies outside"):
        data_roots.checked(beside, settings(allowed))


def test_checked__dots_and_links_that_lead_out(allowed: Path, tmp_path: Path) -> None:
    (tmp_path / "secret" / "cells").mkdir(parents=True)
    (allowed / "link").symlink_to(tmp_path / "secret")
    (allowed / "inner").symlink_to(allowed)
    for path in (allowed / "link", allowed / "link" / "cells", allowed / "inner" / "link"):
        with pytest.raises(DataError, match="leads out of the folders"):
            data_roots.checked(path, settings(allowed))
    with pytest.raises(DataError, match="lies outside"):
        data_roots.checked(allowed / ".." / "secret", settings(allowed))
    assert data_roots.checked(allowed / "inner", settings(allowed)) == allowed.resolve()


def test_checked__root_that_is_a_link(allowed: Path, tmp_path: Path) -> None:
    (tmp_path / "root").symlink_to(allowed)
    (allowed / "cells").mkdir()
    found = data_roots.checked(tmp_path / "root" / "cells", settings(tmp_path / "root"))
    assert found == (allowed / "cells").resolve()


@pytest.mark.parametrize("name", ["a\0b", "loop", "x" * 5000])
def test_checked__paths_that_lead_nowhere(allowed: Path, name: str) -> None:
    (allowed / "loop").symlink_to(allowed / "loop")
    with pytest.raises(DataError) as caught:
        data_roots.checked(allowed / name, settings(allowed))
    assert "\0" not in str(caught.value)


def test_checked__part_of_a_path() -> None:
    with pytest.raises(DataError, match="Write the whole path"):
        data_roots.checked(Path("cells"), settings(Path("/")))


def test_checked__vanished(allowed: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is nothing at .*gone: bring it back"):
        data_roots.checked(allowed / "gone", settings(allowed))
    with pytest.raises(DataError, match="root is not there any more: connect its disk"):
        data_roots.checked(tmp_path / "root" / "cells", settings(tmp_path / "root"))


def test_checked__file_that_is_no_table(allowed: Path) -> None:
    with pytest.raises(DataError, match=r"cell.png is a file: point at the folder"):
        data_roots.checked(picture(allowed / "cell.png"), settings(allowed))


def test_checked__folder_without_the_right_to_read(
    allowed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)  # tests may run as one who may read everything
    with pytest.raises(DataError, match=r"can't be read \(permission denied\): give the account"):
        data_roots.checked(allowed, settings(allowed))


def test_level__counts_what_lies_below(allowed: Path) -> None:
    for name in (
        "b/fold_0/all/1.bmp",
        "b/fold_0/all/2.JPG",
        "b/notes.txt",
        "a/1.png",
        ".git/1.png",
    ):
        picture(allowed / name)
    picture(allowed / "top.png")
    (allowed / "empty").mkdir()
    (allowed / "link").symlink_to(allowed / "b")
    level = data_roots.level(allowed, settings(allowed))
    assert [(each.path.name, each.images, each.whole) for each in level.folders] == [
        ("a", 1, True), ("b", 2, True), ("empty", 0, True),
    ]  # fmt: skip
    assert (level.more, level.unspeakable) == (0, 0)


def test_level__stops_counting(allowed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_roots, "COUNTED", 5)
    monkeypatch.setattr(data_roots, "COUNTED_ALL", 8)
    for folder in "abc":
        for number in range(7):
            picture(allowed / folder / f"{number}.png")
    found = data_roots.level(allowed, settings(allowed)).folders
    assert [(each.images, each.whole) for each in found] == [(5, False), (3, False), (0, False)]


def test_level__more_folders_than_are_listed(
    allowed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_roots, "LISTED", 2)
    for name in "abc":
        (allowed / name).mkdir()
    level = data_roots.level(allowed, settings(allowed))
    assert ([each.path.name for each in level.folders], level.more) == (["a", "b"], 1)


def test_level__names_that_are_no_text(allowed: Path) -> None:
    try:
        os.mkdir(os.fsencode(allowed) + b"/bad\xff")
    except OSError:
        pytest.skip("this file system has only names that are text")
    (allowed / "two\nlines").mkdir()
    (allowed / "Größe").mkdir()
    level = data_roots.level(allowed, settings(allowed))
    assert ([each.path.name for each in level.folders], level.unspeakable) == (["Größe"], 2)


def test_level__outside(allowed: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="lies outside"):
        data_roots.level(tmp_path, settings(allowed))


def test_allowable__a_folder_by_any_path_to_it(allowed: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(allowed)
    for path in (allowed, allowed / ".." / "allowed", tmp_path / "link"):
        assert data_roots.allowable(path, kept_in(tmp_path / "home")) == allowed.resolve()


def kept_in(home: Path, *folders: Path, database: Path | None = None) -> Settings:
    address = None if database is None else f"sqlite:///{database}"
    return Settings(home=home, data_roots=tuple(folders), database_url=address)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/", "top of the file system"),
        ("/proc/self/root", "top of the file system"),
        ("some/where", "Write the whole path"),
        ("~", "Write the whole path"),
        ("{tmp}/nope", "There is nothing at"),
        ("{tmp}/cells.csv", "is a table: allow the folder"),
        ("{tmp}/cell.png", "is a file"),
        ("{tmp}/home", "own database, keys or settings"),
        ("{tmp}/home/pictures", "own database, keys or settings"),
        ("{tmp}/to home", "own database, keys or settings"),
        ("{tmp}", "own database, keys or settings"),
        ("{tmp}/base", "own database, keys or settings"),
        ("{tmp}/allowed", "allowed already"),
        ("{tmp}/allowed/below", "allowed already"),
    ],
)
def test_allowable__refuses(allowed: Path, tmp_path: Path, path: str, said: str) -> None:
    for folder in ("home/pictures", "allowed/below", "base"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "cells.csv").write_text("path\n")
    (tmp_path / "to home").symlink_to(tmp_path / "home")
    picture(tmp_path / "cell.png")
    config = kept_in(tmp_path / "home", allowed, database=tmp_path / "base" / "all.db")
    with pytest.raises(DataError, match=said):
        data_roots.allowable(Path(path.format(tmp=tmp_path)), config)


def test_allowable__the_secrets_of_single_sign_on(
    allowed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(allowed)
    config = kept_in(tmp_path / "home")
    assert data_roots.allowable(allowed, config) == allowed.resolve()
    (allowed / ".streamlit").mkdir()
    (allowed / ".streamlit" / "secrets.toml").write_text("")
    with pytest.raises(DataError, match="own database, keys or settings"):
        data_roots.allowable(allowed, config)


def test_widened__others_beside_those_of_the_settings(allowed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "cells").mkdir(parents=True)
    config = kept_in(tmp_path / "home", allowed)
    with pytest.raises(DataError, match="lies outside"):
        data_roots.checked(other / "cells", config)
    wide = data_roots.widened(config, [str(other.resolve())])
    assert data_roots.checked(other / "cells", wide) == (other / "cells").resolve()
    assert data_roots.checked(allowed, wide) == allowed.resolve()
    assert config.data_roots == (allowed,)


def test_widened__a_folder_that_became_a_link(allowed: Path, tmp_path: Path) -> None:
    secret, other = tmp_path / "secret", tmp_path.resolve() / "other"
    secret.mkdir()
    other.symlink_to(secret)
    wide = data_roots.widened(kept_in(tmp_path / "home", allowed), [str(other)])
    with pytest.raises(DataError, match="leads out of the folders"):
        data_roots.checked(other, wide)
