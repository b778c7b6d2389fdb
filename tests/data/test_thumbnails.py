import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from allcore.data import manifest, thumbnails
from allcore.data.cells import Rgb
from allcore.data.thumbnails import SIDE, ImageSource, Thumbnails


@pytest.fixture
def picture(tmp_path: Path, cell_image: Rgb) -> Path:
    path = tmp_path / "cell.bmp"
    Image.fromarray(cell_image).save(path)
    return path


def pixels(webp: bytes | None) -> np.ndarray:
    assert webp is not None
    with Image.open(io.BytesIO(webp)) as image:
        assert image.format == "WEBP"
        return np.asarray(image.convert("RGB"))


def test_thumbnail__keeps_the_scale(picture: Path, cell_image: Rgb) -> None:
    """A cell 200 px wide in 450 and the same in 600 look alike: neither is stretched."""
    wider = picture.with_name("wider.bmp")
    Image.fromarray(np.pad(cell_image, ((75, 75), (75, 75), (0, 0)))).save(wider)
    one, other = pixels(thumbnails.thumbnail(picture)), pixels(thumbnails.thumbnail(wider))
    assert one.shape == (SIDE, SIDE, 3)
    assert np.abs(one.astype(int) - other).max() <= 2
    width = (one.max(axis=2) > 40).any(axis=0).sum()
    assert width == pytest.approx(200 * SIDE / thumbnails.FIELD, abs=4)


def test_thumbnail__of_a_small_picture(tmp_path: Path) -> None:
    Image.new("RGB", (60, 40), "white").save(tmp_path / "small.png")
    small = pixels(thumbnails.thumbnail(tmp_path / "small.png"))
    assert small.shape == (SIDE, SIDE, 3)
    assert small[:20].max() == 0


@pytest.mark.parametrize("content", [b"", b"BM not a picture"])
def test_thumbnail__unreadable(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.bmp").write_bytes(content)
    assert thumbnails.thumbnail(tmp_path / "broken.bmp") is None


def test_thumbnails__made_once_by_content(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, sources = Thumbnails(), [ImageSource(picture, "abc"), ImageSource(picture, "abc")]
    assert not store.has(sources)
    first = store.get(sources)
    assert first[0] == first[1] is not None
    monkeypatch.setattr(thumbnails, "thumbnail", lambda path: pytest.fail("made again"))
    assert store.has(sources)
    assert store.get(sources) == first


def test_thumbnails__drop_the_least_recently_used(picture: Path) -> None:
    store = Thumbnails(max_entries=2)
    for key in ("a", "b", "a", "c"):
        store.get([ImageSource(picture, key)])
    assert [store.has([ImageSource(picture, key)]) for key in "abc"] == [True, False, True]


def test_sources__missing_file_is_looked_for_again(picture: Path) -> None:
    rows: list[dict[str, str | None]] = [
        {"path": "cell.bmp", "label": "all"},
        {"path": "gone.bmp", "label": "all", "sha256": "0" * 64},
    ]
    data = manifest.build(picture.parent, rows, name="two")
    here, gone = thumbnails.sources(data, data.table)
    store = Thumbnails()
    assert store.get([here, gone])[1] is None
    picture.rename(picture.with_name("gone.bmp"))
    gone, here = thumbnails.sources(data, data.table)
    assert gone.key == ""
    assert store.get([gone, here])[1] is not None
