import io
import resource
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, features

from allcore.data.cells import Rgb
from allcore.data.images import decoding, formats
from allcore.errors import BadImage


def encoded(image: Image.Image | Rgb, kind: str = "PNG", **options: object) -> bytes:
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def sentence(data: bytes) -> str:
    with pytest.raises(BadImage) as caught:
        decoding.decode(data)
    said = str(caught.value)
    assert said.endswith(".")
    assert "\n" not in said
    return said


def huge_bmp(side: int) -> bytes:
    """A BMP header that declares `side` x `side` pixels, with next to no pixels behind it."""
    info = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 64, 0, 0, 54) + info + bytes(64)


def huge_png(side: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99)))


@pytest.mark.parametrize("kind", ["BMP", "PNG", "TIFF"])
def test_decode__gives_back_lossless_pixels(cell_image: Rgb, kind: str) -> None:
    decoded = decoding.decode(encoded(cell_image, kind))
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, cell_image)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_decode__reads_lossy_formats(cell_image: Rgb, kind: str) -> None:
    if kind == "WEBP" and not features.check("webp"):
        pytest.skip("this Pillow has no WebP")
    decoded = decoding.decode(encoded(cell_image, kind, quality=95))
    assert decoded.shape == cell_image.shape
    assert np.abs(decoded.astype(int) - cell_image).mean() < 4


def test_decode__refuses_an_empty_file() -> None:
    assert "empty" in sentence(b"")


def test_decode__refuses_too_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MAX_BYTES", 2**20)
    assert "more than the 1 MB" in sentence(bytes(2**21))


@pytest.mark.parametrize(
    "data",
    [b"path,label\n1.bmp,all\n", b"BM a text file named .bmp", b"\xff" * 2000],
)
def test_decode__refuses_what_is_not_an_image(data: bytes) -> None:
    assert "not a readable BMP, PNG, JPEG, TIFF or WebP" in sentence(data)


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04", b"\x1f\x8b\x08", b"Rar!\x1a", b"7z\xbc\xaf", bytes(257) + b"ustar\0"]
)
def test_decode__names_an_archive(data: bytes) -> None:
    assert "The file is an archive; unpack it, or give it as a .zip file" in sentence(data)


def test_decode__refuses_other_picture_formats(cell_image: Rgb) -> None:
    assert "GIF" in sentence(encoded(cell_image, "GIF"))
    assert "Portable pixmap" in sentence(encoded(cell_image, "PPM"))


@pytest.mark.parametrize("make", [huge_bmp, huge_png])
@pytest.mark.parametrize("side", [6_000, 12_000, 60_000])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # as outside pytest
def test_decode__refuses_huge_pictures_without_allocating(
    make: Callable[[int], bytes], side: int
) -> None:
    data = make(side)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "25 million pixels" in sentence(data)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 50_000  # kilobytes; the smallest of them would decode to 108 MB


def test_decode__refuses_tiny_pictures() -> None:
    assert "63 x 80 pixels" in sentence(encoded(Image.new("RGB", (63, 80))))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_decode__refuses_several_frames(cell_image: Rgb, kind: str) -> None:
    frames = [Image.fromarray(cell_image), Image.fromarray(255 - cell_image)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert "several frames" in sentence(data)


@pytest.mark.parametrize("kind", ["BMP", "PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("keep", [0.2, 0.6, 0.95])
def test_decode__refuses_truncated_files(cell_image: Rgb, kind: str, keep: float) -> None:
    data = encoded(cell_image, kind)
    assert sentence(data[: int(len(data) * keep)])


def test_decode__scales_16_bit_grey() -> None:
    grey = np.linspace(0, 65535, 100 * 100).reshape(100, 100).astype(np.uint16)
    for kind in ("PNG", "TIFF"):
        decoded = decoding.decode(encoded(Image.fromarray(grey), kind))
        np.testing.assert_array_equal(decoded[..., 0], np.rint(grey / 257).astype(np.uint8))
        np.testing.assert_array_equal(decoded[..., 0], decoded[..., 2])


def test_decode__reads_16_bit_colour() -> None:
    """Pillow can't write these, so the PNG is written by hand."""
    side, value = 64, (65535, 32896, 257)
    line = b"\0" + struct.pack(">3H", *value) * side
    png = huge_png(side)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 16, 2, 0, 0, 0))]
    chunks += [(b"IDAT", zlib.compress(line * side)), (b"IEND", b"")]
    data = png[:8] + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    assert decoding.decode(data)[3, 5].tolist() == [255, 128, 1]


def test_decode__refuses_32_bit_values() -> None:
    data = encoded(Image.fromarray(np.ones((80, 80), dtype=np.float32)), "TIFF")
    assert "32 bits" in sentence(data)


def test_decode__converts_cmyk(cell_image: Rgb) -> None:
    cmyk = Image.fromarray(cell_image).convert("CMYK")
    for kind in ("JPEG", "TIFF"):
        decoded = decoding.decode(encoded(cmyk, kind))
        assert np.abs(decoded.astype(int) - cell_image).mean() < 4


def test_decode__converts_a_palette(cell_image: Rgb) -> None:
    palette = Image.fromarray(cell_image).quantize(256)
    decoded = decoding.decode(encoded(palette, "PNG"))
    np.testing.assert_array_equal(decoded, np.asarray(palette.convert("RGB")))


def test_decode__lays_transparent_parts_on_black(cell_image: Rgb) -> None:
    white = np.where(cell_image.any(axis=2, keepdims=True), cell_image, np.uint8(255))
    alpha = np.where(cell_image.any(axis=2, keepdims=True), np.uint8(255), np.uint8(0))
    for kind in ("PNG", "TIFF"):
        decoded = decoding.decode(encoded(np.concatenate([white, alpha], axis=2), kind))
        np.testing.assert_array_equal(decoded, cell_image)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
@pytest.mark.parametrize("level", [0, 1, 128, 254, 255])
def test_decode__ignores_a_transparency_of_everything(
    cell_image: Rgb, kind: str, level: int
) -> None:
    """Neither an alpha of one value nor a mask of 0 and ``level`` darkens the cell."""
    whole = np.full((*cell_image.shape[:2], 1), level, np.uint8)
    mask = np.where(cell_image.any(axis=2, keepdims=True), np.uint8(max(1, level)), np.uint8(0))
    for alpha in (whole, mask):
        data = encoded(np.concatenate([cell_image, alpha], axis=2), kind)
        assert np.array_equal(decoding.decode(data), cell_image)


def test_decode__names_a_pointer_of_git_lfs() -> None:
    with pytest.raises(BadImage, match="git lfs pull"):
        decoding.decode(b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n")


def test_decode__lays_a_transparent_palette_on_black() -> None:
    image = Image.new("P", (80, 80), 1)
    image.putpalette([255, 255, 255, 200, 30, 90])
    image.paste(0, (0, 0, 40, 80))
    decoded = decoding.decode(encoded(image, "PNG", transparency=0))
    assert decoded[0, 0].tolist() == [0, 0, 0]
    assert decoded[0, 79].tolist() == [200, 30, 90]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_decode__turns_by_exif(kind: str) -> None:
    image = Image.new("RGB", (128, 64))
    image.paste((255, 255, 255), (0, 0, 64, 64))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown upright when turned by 90 degrees clockwise
    decoded = decoding.decode(encoded(image, kind, exif=exif.tobytes()))
    assert decoded.shape == (128, 64, 3)
    assert decoded[:60].mean() > 250
    assert decoded[68:].mean() < 5


def test_decode__ignores_the_preview_behind_a_phone_picture(cell_image: Rgb) -> None:
    first = Image.fromarray(cell_image)
    data = encoded(first, "MPO", save_all=True, append_images=[first.resize((90, 90))], quality=95)
    assert decoding.decode(data).shape == cell_image.shape
