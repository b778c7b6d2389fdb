"""Drawn cells as files of many kinds, for tests of the decoder."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from allcore.data.cells import Rgb

P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
PROPHOTO = ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491))


def encoded(image: Image.Image | NDArray[Any], kind: str = "PNG", **options: Any) -> bytes:
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(samples: NDArray[Any], **options: Any) -> bytes:
    import tifffile

    buffer = io.BytesIO()
    options = {"photometric": "rgb" if samples.ndim == 3 else "minisblack"} | options
    tifffile.imwrite(buffer, samples, metadata=None, **options)
    return buffer.getvalue()


def profile(columns: tuple[tuple[float, ...], ...], gamma: float) -> bytes:
    """An ICC profile, version 2, of three colorants and a gamma."""

    def fixed(values: tuple[float, ...]) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    white = (0.9642, 1.0, 0.8249)
    curve = b"curv" + struct.pack(">IIHH", 0, 1, round(gamma * 256), 0)
    tags = {b"desc": b"desc" + struct.pack(">II", 0, 2) + b"x\0" + bytes(78)}
    tags |= {b"cprt": b"text\0\0\0\0x\0\0\0", b"wtpt": b"XYZ \0\0\0\0" + fixed(white)}
    tags |= {bytes([c]) + b"TRC": curve for c in b"rgb"}
    named = zip(b"rgb", columns, strict=True)
    tags |= {bytes([c]) + b"XYZ": b"XYZ \0\0\0\0" + fixed(column) for c, column in named}
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(content))
        body += content
    size = 128 + len(table) + len(body)
    head = struct.pack(">I4sI12s", size, b"lcms", 0x02100000, b"mntrRGB XYZ ") + bytes(12)
    head += b"acsp" + bytes(28) + fixed(white)
    return head.ljust(128, b"\0") + table + body


def moved(rgb: Rgb, icc: bytes) -> Image.Image:
    """The same colours as numbers of another profile."""
    target = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), target, "RGB", "RGB")
    return ImageCms.applyTransform(Image.fromarray(rgb), transform)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunks(png: bytes, *chunks: bytes) -> bytes:
    """A PNG with chunks behind its header."""
    return png[:33] + b"".join(chunks) + png[33:]


def deep_png(samples: NDArray[np.uint16]) -> bytes:
    """A PNG of 16 bits in grey, RGB or RGBA, which Pillow can't write."""
    height, width = samples.shape[:2]
    colour = {1: 0, 3: 2, 4: 6}[samples.shape[2] if samples.ndim == 3 else 1]
    rows = samples.astype(">u2").reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in parts)


def v5_bmp(rgb: Rgb, *, kind: bytes = b"sRGB", icc: bytes = b"", ends: bytes = bytes(48)) -> bytes:
    """A BMP with the header of version 5; ``ends`` are its end points and gammas."""
    pixels = encoded(rgb, "BMP")[54:]
    height, width = rgb.shape[:2]
    start = struct.pack("<IiiHHIIiiII", 124, width, height, 1, 24, 0, len(pixels), 0, 0, 0, 0)
    place = 124 + len(pixels) if icc else 0
    tail = struct.pack("<IIII", 4, place, len(icc), 0)
    header = start + bytes(16) + kind[::-1] + ends + tail
    body = header + pixels + icc
    return b"BM" + struct.pack("<IHHI", 14 + len(body), 0, 0, 14 + 124) + body


def dicom(samples: NDArray[Any], *, bits: int = 8, **elements: Any) -> bytes:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.SOPClassUID, file.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.77.1.4", generate_uid()
    file.Rows, file.Columns = samples.shape[:2]
    file.SamplesPerPixel = 3 if samples.ndim == 3 else 1
    file.PhotometricInterpretation = "RGB" if samples.ndim == 3 else "MONOCHROME2"
    if samples.ndim == 3:
        file.PlanarConfiguration = 0
    file.BitsAllocated = 8 * samples.dtype.itemsize
    file.BitsStored, file.HighBit, file.PixelRepresentation = bits, bits - 1, 0
    file.add_new("PixelData", "OB" if samples.dtype.itemsize == 1 else "OW", samples.tobytes())
    for name, value in elements.items():
        setattr(file, name, value)
    buffer = io.BytesIO()
    file.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
