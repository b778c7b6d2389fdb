import io
import struct
import zipfile
from pathlib import Path

import pytest

from allcore.data.images import formats
from allcore.errors import BadImage
from allcore.inference import image_sources


def zipped(members: dict[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, data in members.items():
            file.writestr(name, data)
    buffer.seek(0)
    return buffer


def sentence(source: image_sources.Source) -> str:
    with pytest.raises(BadImage) as caught:
        source.read()
    return str(caught.value)


def test_members__are_named_by_their_path_in_the_archive() -> None:
    file = zipped({"all/1.bmp": b"one", "hem/1.bmp": b"two", "empty/": b""})
    sources = list(image_sources.members(file, name="/in/cells.zip", inside="cells.zip"))
    assert [source.name for source in sources] == [
        "/in/cells.zip/all/1.bmp",
        "/in/cells.zip/hem/1.bmp",
    ]
    assert [source.inside for source in sources] == ["cells.zip/all/1.bmp", "cells.zip/hem/1.bmp"]
    assert [source.read() for source in sources] == [b"one", b"two"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/cell.bmp", "etc/cell.bmp"),
        ("/etc/cell.bmp", "etc/cell.bmp"),
        ("..\\..\\cell.bmp", "cell.bmp"),
        ("C:\\x\\cell.bmp", "x/cell.bmp"),
        ("./a//cell.bmp", "a/cell.bmp"),
    ],
)
def test_members__names_lead_nowhere_else(name: str, shown: str) -> None:
    (source,) = image_sources.members(zipped({name: b"data"}), name="cells.zip")
    assert source.name == f"cells.zip/{shown}"
    assert source.read() == b"data"


def raw_name(name: bytes, extra: bytes = b"") -> io.BytesIO:
    """An archive of one member whose name has these bytes, without the flag of UTF-8."""
    info = zipfile.ZipInfo("x" * len(name))
    info.extra = extra
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, b"data")
    return io.BytesIO(buffer.getvalue().replace(b"x" * len(name), name))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("zellüä.bmp".encode(), "zellüä.bmp"),
        ("ALL細胞/1.bmp".encode(), "ALL細胞/1.bmp"),
        ("Ölbild.bmp".encode("cp437"), "Ölbild.bmp"),
        ("клетка.bmp".encode(), "клетка.bmp"),
    ],
)
def test_members__names_have_their_letters(name: bytes, shown: str) -> None:
    (source,) = image_sources.members(raw_name(name), name="z")
    assert source.name == f"z/{shown}"
    assert source.read() == b"data"


def test_members__take_the_unicode_name_of_info_zip() -> None:
    text = "细胞.bmp".encode()
    extra = struct.pack("<HHBI", 0x7075, 5 + len(text), 1, 0) + text
    (source,) = image_sources.members(raw_name(b"????.bmp", extra), name="z")
    assert source.name == "z/细胞.bmp"


def test_members__skip_junk_at_any_depth() -> None:
    junk = (
        "thumbs.db", "Desktop.ini", ".ipynb_checkpoints/a.bmp", "$RECYCLE.BIN/x.bmp",
        "a/@eaDir/a.bmp", "b\\.git\\c.bmp", "~$a.bmp",
    )  # fmt: skip
    file = zipped(dict.fromkeys((*junk, "a.bmp"), b"x"))
    assert [source.name for source in image_sources.members(file, name="z")] == ["z/a.bmp"]


def test_members__names_a_member_that_is_only_dots() -> None:
    (source,) = image_sources.members(zipped({"a/..": b"data"}), name="cells.zip")
    assert ".." not in source.name


def test_members__passes_over_what_macos_adds() -> None:
    file = zipped({"__MACOSX/._1.bmp": b"x", "a/._1.bmp": b"x", ".DS_Store": b"x", "1.bmp": b"1"})
    assert [source.name for source in image_sources.members(file, name="z")] == ["z/1.bmp"]


def test_members__refuses_an_archive_inside_an_archive() -> None:
    file = zipped({"inner.zip": zipped({"1.bmp": b"x"}).getvalue(), "1.bmp": b"1"})
    inner, cell = image_sources.members(file, name="z")
    assert "archive inside an archive" in sentence(inner)
    assert cell.read() == b"1"


def test_members__refuses_a_bomb_by_its_ratio() -> None:
    bomb, cell = image_sources.members(zipped({"bomb.bmp": bytes(2**24), "1.bmp": b"1"}), name="z")
    assert "unpacks to far more" in sentence(bomb)
    assert cell.read() == b"1"


def test_members__accepts_a_black_picture() -> None:
    (source,) = image_sources.members(zipped({"black.bmp": bytes(450 * 450 * 3)}), name="z")
    assert len(source.read()) == 450 * 450 * 3


def test_members__refuses_more_bytes_than_a_picture_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MAX_BYTES", 1000)
    (source,) = image_sources.members(zipped({"1.bmp": bytes(1001)}), name="z")
    assert "The file has" in sentence(source)


def test_members__stops_at_the_declared_size_of_a_lying_member() -> None:
    """The directory says 1,000 bytes, 50 million come out."""
    file = bytearray(zipped({"1.bmp": bytes(50_000_000)}).getvalue())
    directory = file.rindex(b"PK\x01\x02")
    struct.pack_into("<I", file, directory + 24, 1000)
    (source,) = image_sources.members(io.BytesIO(bytes(file)), name="z")
    assert "damaged" in sentence(source)


def test_members__refuses_too_many_and_too_large_together(monkeypatch: pytest.MonkeyPatch) -> None:
    file = zipped({f"{index}.bmp": bytes(100) for index in range(11)})
    monkeypatch.setattr(image_sources, "MAX_MEMBERS", 10)
    (source,) = image_sources.members(file, name="z")
    assert "11 files, more than the 10" in sentence(source)
    monkeypatch.setattr(image_sources, "MAX_MEMBERS", 100)
    monkeypatch.setattr(image_sources, "MAX_TOTAL_BYTES", 1000)
    (source,) = image_sources.members(file, name="z")
    assert "would unpack" in sentence(source)


def test_members__refuses_encrypted_members() -> None:
    file = bytearray(zipped({"1.bmp": b"data"}).getvalue())
    file[file.index(b"PK\x01\x02") + 8] |= 1
    (source,) = image_sources.members(io.BytesIO(bytes(file)), name="z")
    assert "password" in sentence(source)


def test_members__refuses_a_damaged_member_and_goes_on() -> None:
    buffer = zipped({"1.bmp": b"A" * 64, "2.bmp": b"B" * 64}, compression=zipfile.ZIP_STORED)
    damaged = buffer.getvalue().replace(b"A" * 64, b"A" * 63 + b"X")
    first, second = image_sources.members(io.BytesIO(damaged), name="z")
    assert "damaged" in sentence(first)
    assert second.read() == b"B" * 64


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 cut off", b"not a zip at all"])
def test_members__says_what_is_wrong_with_the_archive(data: bytes) -> None:
    (source,) = image_sources.members(io.BytesIO(data), name="cells.zip")
    assert source.name == "cells.zip"
    assert "can't be opened" in sentence(source)


def test_members__says_that_an_archive_is_empty() -> None:
    (source,) = image_sources.members(zipped({}), name="z")
    assert "holds no files" in sentence(source)


def test_walk__goes_through_folders_and_archives(tmp_path: Path) -> None:
    (tmp_path / "in" / "side").mkdir(parents=True)
    (tmp_path / "in" / "side" / "b.bmp").write_bytes(b"b")
    (tmp_path / "in" / "a.png").write_bytes(b"a")
    (tmp_path / "in" / ".hidden").write_bytes(b"x")
    (tmp_path / "in" / "c.zip").write_bytes(zipped({"x/d.bmp": b"d"}).getvalue())
    (tmp_path / "e.tif").write_bytes(b"e")
    sources = list(image_sources.walk([tmp_path / "in", tmp_path / "e.tif"]))
    names = [Path(source.name).relative_to(tmp_path).as_posix() for source in sources]
    assert names == ["in/a.png", "in/c.zip/x/d.bmp", "in/side/b.bmp", "e.tif"]
    inside = [source.inside for source in sources]
    assert inside == ["a.png", "c.zip/x/d.bmp", "side/b.bmp", "e.tif"]
    assert b"".join(source.read() for source in sources) == b"adbe"


def test_walk__does_not_enter_system_folders(tmp_path: Path) -> None:
    for name in ("a.png", "$RECYCLE.BIN/b.png", ".hidden/c.png", "x/@eaDir/d.png", "x/Thumbs.db"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert [source.inside for source in image_sources.walk([tmp_path])] == ["a.png"]


def test_walk__refuses_what_is_not_there(tmp_path: Path) -> None:
    (source,) = image_sources.walk([tmp_path / "none.bmp"])
    assert "no such file" in sentence(source)
    (source,) = image_sources.walk([tmp_path / "none.zip"])
    assert "no such file" in sentence(source)


def test_walk__says_that_a_folder_is_empty(tmp_path: Path) -> None:
    (source,) = image_sources.walk([tmp_path])
    assert source.name == str(tmp_path)
    assert "holds no files" in sentence(source)


def test_walk__does_not_read_a_file_that_is_too_large(tmp_path: Path) -> None:
    with (tmp_path / "big.bmp").open("wb") as file:
        file.truncate(10 * 2**30)  # sparse: takes no space
    (source,) = image_sources.walk([tmp_path])
    assert "10240 MB" in sentence(source)


@pytest.mark.parametrize(
    "names",
    [("a.bmp", "a.bmp"), ("a.bmp", "../a.bmp"), ("a.bmp", "/a.bmp"), ("a.bmp", "C:\\a.bmp"),
     ("x/a.bmp", "./x//a.bmp")],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members__of_one_name_are_told_apart(names: tuple[str, str]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(name, bytes([number]))
    sources = list(image_sources.members(buffer, name="z.zip"))
    assert [source.read() for source in sources] == [b"\0", b"\1"]
    assert sources[1].name == f"{sources[0].name} (2)"
