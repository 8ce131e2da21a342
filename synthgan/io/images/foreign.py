"""Formats of pictures that cannot be read, recognised by name or by their first bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

__all__ = ["HEAD_BYTES", "describe_foreign", "foreign_format", "is_foreign_name"]

HEAD_BYTES = 140
_BY_SUFFIX = {
    "DICOM": (".dcm", ".dicom", ".ima"),
    "HEIC": (".heic", ".heif", ".hif"),
    "AVIF": (".avif",),
    "JPEG 2000": (".jp2", ".j2k", ".j2c", ".jpx", ".jpf", ".jpm"),
    "JPEG XL": (".jxl",),
    "NIfTI": (".nii", ".nii.gz"),
    "NRRD": (".nrrd", ".nhdr"),
    "MetaImage": (".mha", ".mhd"),
    "whole slide image": (".svs", ".ndpi", ".mrxs", ".scn"),
    "raw camera image": (".nef", ".cr2", ".cr3", ".arw", ".dng"),
    "Photoshop": (".psd",),
    "SVG": (".svg",),
    "PDF": (".pdf",),
}
_BY_START = {
    "JPEG 2000": (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"),
    "JPEG XL": (b"\0\0\0\x0cJXL ", b"\xff\x0a"),
    "NRRD": (b"NRRD0",),
    "Photoshop": (b"8BPS",),
    "PDF": (b"%PDF",),
    "EDF": (b"0       ",),
    "BDF": (b"\xffBIOSEMI",),
}
_BRANDS = {"HEIC": (b"heic", b"heix", b"hevc", b"mif1", b"msf1"), "AVIF": (b"avif", b"avis")}


def foreign_format(name: str, head: bytes = b"") -> str | None:
    """Return the format of a file that is no image to read, or None if it is not known.

    Parameters
    ----------
    name : str
    head : bytes, default=b""
        The first `HEAD_BYTES` of the file.

    Examples
    --------
    >>> foreign_format("scan.dcm"), foreign_format("0001", bytes(128) + b"DICM")
    ('DICOM', 'DICOM')
    """
    if head[128:132] == b"DICM":
        return "DICOM"
    for known, brands in _BRANDS.items():
        if head[4:8] == b"ftyp" and head[8:12] in brands:
            return known
    for known, starts in _BY_START.items():
        if head.startswith(starts):
            return known
    lower = name.casefold()
    return next((known for known, ends in _BY_SUFFIX.items() if lower.endswith(ends)), None)


def is_foreign_name(name: str) -> bool:
    """Return whether a name ends as that of a picture that cannot be read."""
    return foreign_format(name) is not None


def describe_foreign(formats: Iterable[str | None]) -> str:
    """Count formats, most frequent first; None is another file.

    Examples
    --------
    >>> describe_foreign(["DICOM", None, "DICOM"])
    '2 DICOM, 1 other'
    """
    counts = Counter(known or "other" for known in formats)
    return ", ".join(f"{n} {known}" for known, n in counts.most_common())
