import struct

import numpy as np
import pytest
from PIL import Image

from allcore.data.cells import Rgb
from allcore.data.images import decoding
from allcore.errors import BadImage
from tests.picture_files import ADOBE, deep_png, dicom, encoded, moved, profile, tiff


def refusal(data: bytes) -> str:
    with pytest.raises(BadImage) as caught:
        decoding.decode(data)
    return str(caught.value)


@pytest.mark.parametrize("bits", [8, 9, 10, 12, 14, 15])
def test_decode__refuses_an_unclear_bit_depth(cell_image: Rgb, bits: int) -> None:
    stored = cell_image.astype(np.uint16) << (bits - 8)
    for data in (tiff(stored), tiff(stored[..., 0]), deep_png(stored), deep_png(stored[..., 0])):
        assert "scale its values to 0 to 65535" in refusal(data)


def test_decode__takes_the_advice_on_bit_depth(cell_image: Rgb) -> None:
    """A dark cell scaled as the refusal says is read, and so is one with 8 bits."""
    dark = cell_image // 2
    scaled = dark.astype(np.uint16) * 257
    for data in (tiff(scaled), deep_png(scaled), tiff(dark.astype(np.uint16) << 8), encoded(dark)):
        np.testing.assert_array_equal(decoding.decode(data), dark)


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("way", ["ome", "micro-manager", "largest"])
def test_decode__reads_a_stated_bit_depth(cell_image: Rgb, bits: int, way: str) -> None:
    stored = cell_image.astype(np.float64) * ((2**bits - 1) / 255)
    samples = (stored + 0.5).astype(np.uint16)
    texts = {"ome": f'<OME><Pixels SignificantBits="{bits}"/></OME>', "largest": ""}
    text = texts.get(way, f'{{"BitDepth": {bits}}}')
    tags = [(281, 3, 3, [2**bits - 1] * 3, True)] if way == "largest" else []
    decoded = decoding.decode(tiff(samples, description=text, extratags=tags))
    assert np.abs(decoded.astype(int) - cell_image).max() <= 1
    too_large = np.maximum(samples, 1) << 4
    assert "holds larger ones" in refusal(tiff(too_large, description=text, extratags=tags))


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_decode__reads_16_bit_planes(
    cell_image: Rgb, byteorder: str, compression: str | None
) -> None:
    planes = np.ascontiguousarray((cell_image.astype(np.uint16) * 257).transpose(2, 0, 1))
    options = {"planarconfig": "separate", "byteorder": byteorder, "compression": compression}
    np.testing.assert_array_equal(decoding.decode(tiff(planes, **options)), cell_image)


def test_decode__reads_16_bit_planes_with_a_profile(cell_image: Rgb) -> None:
    icc = profile(ADOBE, 2.2)
    planes = np.asarray(moved(cell_image, icc)).astype(np.uint16).transpose(2, 0, 1) * 257
    data = tiff(np.ascontiguousarray(planes), planarconfig="separate", iccprofile=icc)
    assert np.abs(decoding.decode(data).astype(int) - cell_image).max() <= 2


def test_decode__reads_16_bits_that_only_pillow_unpacks(cell_image: Rgb) -> None:
    """Pillow can't write colours of 16 bits, so one is packed by hand: a strip of LZW literals."""
    flat = np.full((64, 64, 3), (140, 130, 200), np.uint16) * 257
    data = tiff(flat, rowsperstrip=64)
    packed = _lzw(flat.astype("<u2").tobytes())
    again = tiff(flat, rowsperstrip=64, software="x" * 64)
    assert decoding.decode(data)[0, 0].tolist() == [140, 130, 200]
    assert decoding.decode(_repacked(again, flat.nbytes, packed))[3, 5].tolist() == [140, 130, 200]


def test_decode__turns_white_is_zero(cell_image: Rgb) -> None:
    grey = cell_image[..., 0].astype(np.uint16) * 257
    decoded = decoding.decode(tiff(65535 - grey, photometric="miniswhite"))
    np.testing.assert_array_equal(decoded[..., 0], cell_image[..., 0])


@pytest.mark.parametrize("kind", [np.float32, np.int16, np.uint32, np.float16])
def test_decode__refuses_numbers_without_a_scale(kind: type) -> None:
    assert "scale is unknown" in refusal(tiff(np.ones((80, 80), kind))) or kind is np.uint32
    assert "save it with 8 bits" in refusal(tiff(np.ones((80, 80, 3), kind)))


def test_decode__refuses_several_pages() -> None:
    pages = np.ones((2, 80, 80), np.uint16)
    assert "several frames" in refusal(tiff(pages, photometric="minisblack"))


def test_decode__ignores_an_alpha_of_zero(cell_image: Rgb) -> None:
    empty = np.dstack([cell_image, np.zeros((450, 450), np.uint8)])
    for data in (encoded(empty), encoded(empty, "TIFF"), deep_png(empty.astype(np.uint16) * 257)):
        np.testing.assert_array_equal(decoding.decode(data), cell_image)
    webp = encoded(empty, "WEBP", lossless=True, exact=True)
    np.testing.assert_array_equal(decoding.decode(webp), cell_image)
    grey = encoded(Image.fromarray(empty[..., [0, 3]], "LA"))
    np.testing.assert_array_equal(decoding.decode(grey)[..., 1], cell_image[..., 0])


def test_decode__keeps_a_deep_alpha(cell_image: Rgb) -> None:
    inside = np.uint16(65535) * cell_image.any(axis=2)
    samples = np.dstack([np.maximum(cell_image.astype(np.uint16) * 257, 40000), inside])
    for data in (deep_png(samples), tiff(samples, extrasamples=["unassalpha"])):
        assert decoding.decode(data)[0, 0].tolist() == [0, 0, 0]


def test_read_dicom__reads_colours_and_depth(cell_image: Rgb) -> None:
    np.testing.assert_array_equal(decoding.decode(dicom(cell_image)), cell_image)
    stored = (cell_image[..., 0] * (4095 / 255) + 0.5).astype(np.uint16)
    decoded = decoding.decode(dicom(stored, bits=12))
    assert np.abs(decoded[..., 0].astype(int) - cell_image[..., 0]).max() <= 1
    inverse = dicom(4095 - stored, bits=12, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(decoding.decode(inverse), decoded)
    icc = profile(ADOBE, 2.2)
    moved_cell = np.asarray(moved(cell_image, icc))
    data = dicom(moved_cell, ICCProfile=icc + bytes(len(icc) % 2))
    assert np.abs(decoding.decode(data).astype(int) - cell_image).max() <= 2


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"NumberOfFrames": 3}, "several frames"),
        ({"PixelRepresentation": 1}, "signed"),
        ({"Rows": 60000, "Columns": 60000}, "million pixels"),
        ({"Rows": 460}, "damaged"),
    ],
)
def test_read_dicom__refuses(cell_image: Rgb, elements: dict[str, int], words: str) -> None:
    assert words in refusal(dicom(cell_image, **elements))


def _lzw(data: bytes) -> bytes:
    """TIFF's LZW with a clear code before the table outgrows 9 bits."""
    bits = ""
    for place, value in enumerate(data):
        if place % 250 == 0:
            bits += f"{256:09b}"
        bits += f"{value:09b}"
    bits += f"{257:09b}"
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def _repacked(data: bytes, size: int, packed: bytes) -> bytes:
    """A little-endian TIFF of one strip with the strip packed by LZW."""
    changed, at = bytearray(data), int.from_bytes(data[4:8], "little")
    (count,) = struct.unpack_from("<H", data, at)
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        code = struct.unpack_from("<H", data, entry)[0]
        new = {259: 5, 273: len(data), 279: len(packed)}.get(code)
        if new is not None:
            struct.pack_into("<HHII", changed, entry, code, 4, 1, new)
    return bytes(changed) + packed
