import struct
import zlib

import numpy as np
import pytest

from allcore.data.cells import Rgb
from allcore.data.images import container, decoding, formats
from allcore.errors import BadImage
from tests.picture_files import dicom, encoded


def refusal(data: bytes) -> str:
    with pytest.raises(BadImage) as caught:
        decoding.decode(data)
    return str(caught.value)


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
def test_check__png_with_a_changed_byte(cell_image: Rgb, place: float) -> None:
    data = bytearray(encoded(cell_image))
    data[int(place * len(data))] ^= 4
    assert "copy or export it again" in refusal(bytes(data))


@pytest.mark.parametrize(
    ("at", "value"), [(18, 449), (18, 451), (22, 300), (22, 451), (10, 50), (10, 58), (28, 32)]
)
def test_check__bmp_whose_size_contradicts_its_pixels(cell_image: Rgb, at: int, value: int) -> None:
    data = bytearray(encoded(cell_image, "BMP"))
    struct.pack_into("<H" if at == 28 else "<I", data, at, value)
    assert refusal(bytes(data))


def test_check__bmp_with_two_bytes_behind_it(cell_image: Rgb) -> None:
    data = encoded(cell_image, "BMP") + b"\0\0"
    np.testing.assert_array_equal(decoding.decode(data), cell_image)


@pytest.mark.parametrize("compression", ["raw", "tiff_deflate"])
@pytest.mark.parametrize(("code", "value"), [(256, 449), (257, 300), (278, 7), (277, 1), (279, 9)])
def test_check__tiff_whose_tags_contradict_its_strips(
    cell_image: Rgb, compression: str, code: int, value: int
) -> None:
    data = bytearray(encoded(cell_image, "TIFF", compression=compression))
    at = int.from_bytes(data[4:8], "little")
    for entry in range(at + 2, at + 2 + 12 * int.from_bytes(data[at : at + 2], "little"), 12):
        if int.from_bytes(data[entry : entry + 2], "little") == code:
            struct.pack_into("<HHII", data, entry, code, 4, 1, value)
    assert refusal(bytes(data))


def test_check_tiff__does_not_unpack_a_bomb() -> None:
    bomb = zlib.compress(bytes(2**27), 9)
    tags = {256: 64, 257: 64, 258: (8,), 259: 8, 273: (0,), 278: 64, 279: (len(bomb),)}
    with pytest.raises(BadImage):
        container.check_tiff(bomb, tags)


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"GIF89a", "GIF"),
        (b"8BPS\0\1", "Photoshop"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"ZISSRAWFILE", "Zeiss CZI"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"%PDF-1.7", "PDF"),
    ],
)
def test_other_name__is_in_the_refusal(start: bytes, name: str) -> None:
    assert f"{name} " in refusal(start + bytes(200))


@pytest.mark.parametrize("kind", [*formats.FORMATS])
def test_sniff__knows_each_format(cell_image: Rgb, kind: str) -> None:
    if kind == "DICOM":
        from tests.picture_files import dicom

        data = dicom(cell_image)
    elif kind == "HEIF":
        pillow_heif = pytest.importorskip("pillow_heif")
        pillow_heif.register_heif_opener()
        data = encoded(cell_image, "HEIF", quality=95)
    else:
        data = encoded(cell_image, kind)
    assert formats.sniff(data) == kind
    assert decoding.media_type(data) == formats.FORMATS[kind].media_type
    assert np.abs(decoding.decode(data).astype(int) - cell_image).mean() < 6


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".heic", ".dcm", ".avif", ".dib"])
def test_suffixes__hold_what_people_bring(suffix: str) -> None:
    assert suffix in formats.SUFFIXES


@pytest.mark.parametrize("kind", ["AVIF", "DICOM", "WEBP"])
@pytest.mark.parametrize("way", ["insert", "cut", "append"])
def test_check__lengths_that_contradict_the_file(cell_image: Rgb, kind: str, way: str) -> None:
    data = dicom(cell_image) if kind == "DICOM" else encoded(cell_image, kind)
    at = len(data) // 2
    changed = {"insert": data[:at] + b"\1\2\3\4" + data[at:], "append": data + b"\xff" * 9}
    if not (kind == "WEBP" and way != "cut"):  # its own chunk says where the pixels end
        assert refusal(changed.get(way, data[:at] + data[at + 4 :]))
