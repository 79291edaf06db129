"""Says what a picture file reveals beside its picture: camera, times, place, thumbnail, blocks.

Stands beside the flow, for people who want to know before they pass a file on. ``sandbox`` runs
it, as it takes strangers' files apart. What is found is a stranger's text: show it escaped.

Sources: CIPA DC-008 (EXIF), Adobe Photoshop File Formats (image resources), C2PA 2.1 (where its
manifests are kept), ISO/IEC 23008-12 (HEIF items).
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from PIL import ExifTags, Image, IptcImagePlugin
from PIL.ImageFile import ImageFile

from deid_desktop.core import descriptions, scan
from deid_desktop.core.boxes import boxes, find, inside
from deid_desktop.core.imaging import decoding, open_file, open_picture
from deid_desktop.core.naming import printable

_CAMERA = {
    "make": 0x010F,
    "model": 0x0110,
    "lens": 0xA434,
    "serial number": 0xA431,
    "serial number of the lens": 0xA435,
    "software": 0x0131,
    "computer": 0x013C,
}
_PEOPLE = {"owner": 0xA430, "artist": 0x013B, "copyright": 0x8298}
_TIMES = {"changed": 0x0132, "taken": 0x9003, "digitised": 0x9004, "time zone": 0x9010}
_COMMENTS = {"description": 0x010E, "comment": 0x9286, "title": 0x9C9B, "keywords": 0x9C9E}
_DAMAGE = "The structure is damaged; there may be more than is listed."
_PHOTOSHOP_THUMBNAIL = 0x040C
_LONGEST = 500
NOT_SHOWN = "not shown"
"""What `without_place` puts in the place of places."""


def inspect_file(path: Path, *, megapixels: float) -> dict[str, Any]:
    """Open a file in this process and return what `inspect_stream` does.

    Raises:
        ImageError: the file cannot be read or is no photo.
    """
    with open_file(path) as file:
        return inspect_stream(file, path.name, megapixels=megapixels)


def inspect_stream(file: BinaryIO, name: str, *, megapixels: float) -> dict[str, Any]:
    """Return what an open file reveals, as plain values for JSON.

    Keys: ``name``, ``format``, ``width``, ``height``; ``camera``, ``people``, ``times``,
    ``comments`` and ``places`` (what it is → text), from EXIF, XMP and IPTC; ``location``
    (latitude and longitude in degrees, ``None`` without); ``thumbnail`` (width and height);
    ``further_pictures``; ``content_credentials``; ``trailing_bytes``; ``blocks`` (name and bytes
    of every piece that is no picture); ``notes``.

    Raises:
        ImageError: it is no photo.
    """
    with decoding(file, name, megapixels=megapixels):
        data = file.read()
        image = open_picture(io.BytesIO(data), name)
        found = {
            "name": name,
            "format": "JPEG" if image.format == "MPO" else str(image.format),
            "width": image.width,
            "height": image.height,
            **_exif(image),
            "further_pictures": getattr(image, "n_frames", 1) - 1,
            "content_credentials": b"c2pa" in data and b"jumb" in data,
            "notes": [],
        }
        found["comments"] |= _other_comments(image)
        _add_descriptions(found, image)
        blocks = _items(data) if image.format in ("HEIF", "AVIF") else []
    try:
        if not blocks:
            blocks = [(part.name, part.size) for part in scan.parts(data) if not part.allowed]
    except scan.StructureError:
        found["notes"].append(_DAMAGE)
    trailing = sum(size for name, size in blocks if name.endswith("after the end of the picture"))
    listed = [{"name": name, "bytes": size} for name, size in blocks]
    return found | {"trailing_bytes": trailing, "blocks": listed}


def described(found: Mapping[str, Any]) -> str:
    """Return what `inspect_file` found as lines for people, every stranger's character escaped."""
    lines = [f"{found['name']}: {found['format']}, {found['width']} × {found['height']} pixels"]
    for key in ("camera", "people", "times", "comments", "places"):
        if found[key] != NOT_SHOWN:
            lines += [f"  {name}: {text}" for name, text in found[key].items()]
    if NOT_SHOWN in (found["location"], found["places"]):
        lines.append("  location: it holds the place (shown with --location)")
    elif found["location"]:
        lines.append("  location: {latitude}, {longitude}".format(**found["location"]))
    if size := found["thumbnail"]:
        lines.append(
            f"  thumbnail: {size['width']} × {size['height']} pixels, perhaps from before an edit"
        )
    if found["further_pictures"]:
        lines.append(f"  further pictures: {found['further_pictures']}")
    if found["content_credentials"]:
        lines.append("  content credentials (C2PA): who made and changed it, and with what")
    lines += [
        f"  block: {block['name']}" + (f", {block['bytes']} bytes" if block["bytes"] else "")
        for block in found["blocks"]
    ]
    lines += [f"  {note}" for note in found["notes"]]
    if len(lines) == 1:
        lines.append("  nothing beside the picture")
    if "faces" in found:
        lines.append(f"  faces found: {found['faces']}")
    return "\n".join(printable(line) for line in lines)


def without_place(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was found, with `NOT_SHOWN` instead of where the photo was taken."""
    return {**found} | {key: NOT_SHOWN for key in ("location", "places") if found[key]}


def _exif(image: Image.Image) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exif = image.getexif()
            details = dict(exif) | exif.get_ifd(ExifTags.IFD.Exif)
            place = exif.get_ifd(ExifTags.IFD.GPSInfo)
            second = exif.get_ifd(ExifTags.IFD.IFD1)
    except Exception:  # damaged EXIF can raise anything; its block is listed all the same
        details, place, second = {}, {}, {}

    def pick(names: Mapping[str, int]) -> dict[str, str]:
        texts = {name: _text(details[tag]) for name, tag in names.items() if tag in details}
        return {name: text for name, text in texts.items() if text}

    return {
        "camera": pick(_CAMERA),
        "people": pick(_PEOPLE),
        "times": pick(_TIMES),
        "comments": pick(_COMMENTS),
        "places": {},
        "location": _location(place),
        "thumbnail": _thumbnail(image, second),
    }


def _add_descriptions(found: dict[str, Any], image: ImageFile) -> None:
    """Add what XMP and IPTC say; of times, what EXIF does not."""
    try:
        records = IptcImagePlugin.getiptcinfo(image) or {}
    except Exception:  # damaged records can raise anything; their block is listed all the same
        records = {}
    timed = set(found["times"])
    for kind, name, text in (
        *descriptions.said_in_xmp(image.info.get("xmp", b"")),
        *descriptions.said_in_iptc(records),
    ):
        held, text = found[kind].get(name, ""), _text(text)
        if text and text not in held.split("; ") and not (kind == "times" and name in timed):
            found[kind][name] = f"{held}; {text}".removeprefix("; ")[:_LONGEST]


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        wide = value.count(0) * 3 > len(value)
        value = value.removeprefix(b"ASCII\0\0\0").removeprefix(b"UNICODE\0")
        value = value.decode("utf-16-le" if wide else "utf-8", "replace")
    return str(value).replace("\0", "").strip()[:_LONGEST]


def _location(place: Mapping[int, Any]) -> dict[str, float] | None:
    try:
        degrees = [
            sum(float(part) / 60**power for power, part in enumerate(place[tag])) for tag in (2, 4)
        ]
        signs = [-1 if _text(place.get(tag)) == name else 1 for tag, name in ((1, "S"), (3, "W"))]
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    latitude, longitude = (
        round(sign * angle, 6) for sign, angle in zip(signs, degrees, strict=True)
    )
    return {"latitude": latitude, "longitude": longitude}


def _thumbnail(image: Image.Image, second: Mapping[int, Any]) -> dict[str, int] | None:
    """Return the size of the picture in EXIF or in Photoshop's block; zeros where it is broken."""
    start, size = second.get(0x0201), second.get(0x0202)
    if isinstance(start, int) and isinstance(size, int):
        data = image.info.get("exif", b"").removeprefix(b"Exif\0\0")[start : start + size]
    else:
        resources = image.info.get("photoshop", {})
        data = resources.get(_PHOTOSHOP_THUMBNAIL, b"")[28:]  # behind sizes that JPEG repeats
        if not data:
            return None
    try:
        width, height = Image.open(io.BytesIO(data), formats=("JPEG",)).size
    except OSError:
        width = height = 0
    return {"width": width, "height": height}


def _other_comments(image: Image.Image) -> dict[str, str]:
    """Return what formats hold as text of their own."""
    texts = dict(getattr(image, "text", {}))
    if comment := image.info.get("comment"):
        texts["comment of the file"] = comment
    return {_text(name): _text(value) for name, value in texts.items() if "xmp" not in name.lower()}


def _items(data: bytes) -> list[tuple[str, int]]:
    """Name what a HEIC or AVIF file holds beside the pixels of its picture."""
    blocks = []
    for entry in find(data, b"meta", b"iinf", b"infe"):
        kind = data[entry.start + 8 : entry.start + 12]
        if kind in (b"Exif", b"mime", b"uri "):
            words = data[entry.start + 12 : entry.end].strip(b"\0").split(b"\0")[0]
            blocks.append((f"{kind.decode().strip()} item ({_text(words)})", 0))
    try:
        for meta in find(data, b"meta"):
            for references in inside(data, meta):
                if references.kind == b"iref":
                    for link in inside(data, references):
                        if link.kind in (b"thmb", b"auxl"):
                            name = "thumbnail" if link.kind == b"thmb" else "additional picture"
                            blocks.append((name, 0))
        for box in boxes(data):
            if box.kind not in (b"ftyp", b"meta", b"mdat", b"free", b"skip"):
                blocks.append((f"{_text(box.kind)} box", box.end - box.start))
    except (ValueError, struct.error):
        blocks.append(("bytes after the end of the picture", 0))
    return blocks
