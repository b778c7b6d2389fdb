from pathlib import Path

import pytest

from allcore.settings import Settings
from allcore.store import storage
from allcore.store.database import Database
from allcore.store.storage import StoragePart


@pytest.fixture
def config(home: Path) -> Settings:
    return Settings(home=home, models=home / "models")


def write(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)


def sizes(found: tuple[StoragePart, ...]) -> dict[str, tuple[int, bool]]:
    return {each.name: (each.size, each.whole) for each in found if each.name != "Database"}


def test_parts__nothing_is_there_yet(database: Database, config: Settings) -> None:
    found = storage.parts(database, config)
    assert set(sizes(found).values()) == {(0, True)}
    assert found[0].name == "Database"
    assert found[0].size > 0


def test_parts__each_file_once(database: Database, config: Settings) -> None:
    write(config.home / "pictures" / "1" / "a", 10)
    write(config.home / "index" / "set-1" / "cells.parquet", 20)
    write(config.home / "index" / "thumbnails" / "ab" / "ab.webp", 40)
    write(config.home / "demo" / "hem" / "1.png", 80)
    write(config.models / "net" / "weights", 160)
    (config.home / "pictures" / "out").symlink_to("/usr")
    found = sizes(storage.parts(database, config))
    link = (config.home / "pictures" / "out").lstat().st_size
    assert found == {
        "Kept pictures": (10 + link, True),
        "Indexes": (20, True),
        "Thumbnails": (40, True),
        "Demonstration set": (80, True),
        "Models": (160, True),
    }


def test_parts__stops_counting(database: Database, config: Settings) -> None:
    for number in range(5):
        write(config.home / "demo" / f"{number}.png", 10)
    found = sizes(storage.parts(database, config, seconds=-1.0))
    assert found["Demonstration set"] == (10, False)
    assert found["Models"] == (0, True)


def test_free__also_before_the_folder_is_made(tmp_path: Path) -> None:
    assert storage.free(Settings(home=tmp_path / "not" / "yet")) > 0
