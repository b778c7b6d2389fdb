import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from allcore.data.cells import Rgb
from allcore.data.images import decoding
from allcore.errors import BadImage
from tests.picture_files import (
    ADOBE,
    P3,
    PROPHOTO,
    chunk,
    encoded,
    moved,
    profile,
    tiff,
    v5_bmp,
    with_chunks,
)

SPACES = {"adobe": (ADOBE, 2.2), "p3": (P3, 2.2), "prophoto": (PROPHOTO, 1.8), "linear": (P3, 1.0)}
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def off(data: bytes, cell: Rgb) -> int:
    """The largest difference of a decoded file to the cell."""
    return int(np.abs(decoding.decode(data).astype(int) - cell).max())


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("name", ["adobe", "p3", "prophoto"])
def test_decode__converts_profiles(cell_image: Rgb, name: str, kind: str) -> None:
    icc = profile(*SPACES[name])
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    picture = moved(cell_image, icc)
    assert np.abs(np.asarray(picture).astype(int) - cell_image).max() > 4
    assert off(encoded(picture, kind, icc_profile=icc, **options), cell_image) <= 2


@pytest.mark.parametrize("kind", ["JPEG", "AVIF"])
def test_decode__converts_profiles_of_lossy_formats(cell_image: Rgb, kind: str) -> None:
    icc = profile(*SPACES["p3"])
    data = encoded(moved(cell_image, icc), kind, icc_profile=icc, quality=97)
    assert np.abs(decoding.decode(data).astype(int) - cell_image).mean() < 2


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
def test_decode__keeps_the_numbers_of_srgb(cell_image: Rgb, kind: str) -> None:
    plain = encoded(cell_image, kind)
    tagged = plain if kind == "BMP" else encoded(cell_image, kind, icc_profile=SRGB)
    expected = np.asarray(Image.open(io.BytesIO(plain)).convert("RGB"))
    np.testing.assert_array_equal(decoding.decode(plain), expected)
    np.testing.assert_array_equal(decoding.decode(tagged), expected)


def test_decode__converts_a_profile_below_alpha(cell_image: Rgb) -> None:
    icc = profile(*SPACES["adobe"])
    picture = moved(cell_image, icc)
    picture.putalpha(Image.fromarray(np.uint8(255) * cell_image.any(axis=2)))
    assert off(encoded(picture, icc_profile=icc), cell_image) <= 2


def test_decode__converts_a_grey_profile() -> None:
    icc = bytearray(profile(P3, 1.0))
    icc[16:20] = b"GRAY"
    grey = bytes(icc).replace(b"rTRC", b"kTRC")
    decoded = decoding.decode(encoded(Image.new("L", (80, 80), 55), icc_profile=grey))
    assert decoded[0, 0].tolist() == pytest.approx([128] * 3, abs=2)


@pytest.mark.parametrize("damage", ["cut", "white", "text", "other"])
def test_decode__refuses_a_damaged_profile(cell_image: Rgb, damage: str) -> None:
    icc = bytearray(profile(*SPACES["p3"]))
    if damage == "white":
        at = icc.rindex(b"XYZ ")
        icc[at + 8 : at + 12] = struct.pack(">i", 3 << 16)
    broken = {"cut": icc[:200], "text": b"no profile at all", "other": icc}.get(damage, icc)
    data = encoded(cell_image, "JPEG", icc_profile=bytes(broken))
    if damage == "other":
        data = data.replace(b"ICC_PROFILE", b"ICC_PROFILF")
    with pytest.raises(BadImage, match="export the picture as sRGB"):
        decoding.decode(data)


@pytest.mark.parametrize(
    ("chunks", "gamma"),
    [
        ([(b"gAMA", struct.pack(">I", 100000))], 1.0),
        ([(b"gAMA", struct.pack(">I", 55556))], 1.8),
        ([(b"cICP", bytes([1, 8, 0, 1]))], 1.0),
    ],
)
def test_decode__converts_gamma(
    cell_image: Rgb, chunks: list[tuple[bytes, bytes]], gamma: float
) -> None:
    light = np.where(
        cell_image / 255 <= 0.04045,
        cell_image / 255 / 12.92,
        ((cell_image / 255 + 0.055) / 1.055) ** 2.4,
    )
    stored = (light ** (1 / gamma) * 255 + 0.5).astype(np.uint8)
    data = with_chunks(encoded(stored), *(chunk(*part) for part in chunks))
    assert off(data, cell_image) <= (12 if gamma == 1 else 2)  # linear bits are coarse in the dark


@pytest.mark.parametrize(
    "parts",
    [
        [(b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 45455))],
        [(b"gAMA", struct.pack(">I", 45455))],
        [(b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000))],
        [(b"cICP", bytes([1, 13, 0, 1]))],
    ],
)
def test_decode__keeps_a_png_that_states_srgb(
    cell_image: Rgb, parts: list[tuple[bytes, bytes]]
) -> None:
    data = with_chunks(encoded(cell_image), *(chunk(*part) for part in parts))
    assert off(data, cell_image) == 0


def test_decode__converts_primaries(cell_image: Rgb) -> None:
    """P3 by cHRM, by cICP and by TIFF's tags give what its profile gives."""
    stored = moved(cell_image, profile(P3, 2.2))
    white_red = [31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000]
    gamma = chunk(b"gAMA", struct.pack(">I", 45455))
    png = with_chunks(encoded(stored), gamma, chunk(b"cHRM", struct.pack(">8I", *white_red)))
    assert off(png, cell_image) <= 2
    assert off(with_chunks(encoded(stored), chunk(b"cICP", bytes([12, 4, 0, 1]))), cell_image) <= 2
    pairs = [(318, 5, 2), (319, 5, 6)]
    numbers = [white_red[:2], white_red[2:]]
    curve = ((np.arange(256) / 255) ** 2.2 * 65535).round().astype(int).tolist()
    tags = [
        (code, kind, count, [part for n in values for part in (n, 100000)], True)
        for (code, kind, count), values in zip(pairs, numbers, strict=True)
    ]
    data = tiff(np.asarray(stored), extratags=[*tags, (301, 3, 256, curve, True)])
    assert off(data, cell_image) <= 2


def test_decode__expands_a_limited_range(cell_image: Rgb) -> None:
    limited = (16 + cell_image * (219 / 255) + 0.5).astype(np.uint8)
    assert off(with_chunks(encoded(limited), chunk(b"cICP", bytes([1, 13, 0, 0]))), cell_image) <= 1
    black_white = [part for n in (16, 235) * 3 for part in (n, 1)]
    with pytest.raises(BadImage, match="limited range"):
        decoding.decode(tiff(limited, extratags=[(532, 5, 6, black_white, True)]))


@pytest.mark.parametrize("transfer", [16, 18, 99])
def test_decode__refuses_high_dynamic_range(cell_image: Rgb, transfer: int) -> None:
    data = with_chunks(encoded(cell_image), chunk(b"cICP", bytes([9, transfer, 0, 1])))
    with pytest.raises(BadImage, match="export the picture as sRGB"):
        decoding.decode(data)


def test_decode__reads_the_colours_of_a_bmp(cell_image: Rgb) -> None:
    icc = profile(*SPACES["adobe"])
    stored = np.asarray(moved(cell_image, icc))
    assert off(v5_bmp(stored, kind=b"MBED", icc=icc), cell_image) <= 2
    assert off(v5_bmp(cell_image), cell_image) == 0
    assert off(v5_bmp(cell_image, kind=b"Win "), cell_image) == 0
    assert off(v5_bmp(cell_image, kind=bytes(4)), cell_image) == 0
    xyz = [0.64, 0.33, 0.03, 0.21, 0.71, 0.08, 0.15, 0.06, 0.79]
    ends = struct.pack("<9i3I", *(round(v * 2**30) for v in xyz), *[round(2.2 * 2**16)] * 3)
    assert off(v5_bmp(stored, kind=bytes(4), ends=ends), cell_image) <= 2
    with pytest.raises(BadImage, match="another file"):
        decoding.decode(v5_bmp(cell_image, kind=b"LINK"))


@pytest.mark.parametrize("way", ["colour space", "interoperability"])
def test_decode__converts_adobe_rgb_of_cameras(cell_image: Rgb, way: str) -> None:
    exif = Image.Exif()
    own = exif.get_ifd(0x8769)
    own[0xA001] = 2 if way == "colour space" else 0xFFFF
    if way == "interoperability":
        own[0xA005] = {1: "R03"}
    stored = moved(cell_image, profile(*SPACES["adobe"]))
    data = encoded(stored, "JPEG", quality=98, subsampling=0, exif=exif.tobytes())
    assert np.abs(decoding.decode(data).astype(int) - cell_image).mean() < 1.5
