"""Reads what the XMP and IPTC blocks of a picture say of people, places and its history.

Serves ``inspection``. Both are full of settings that concern nobody; here stand the fields that
can tell on somebody. XMP is read as tags without a grammar: a stranger's XML can make a real
parser work for ever, and a damaged block still says what it says.

Sources: ISO 16684-1 (XMP), IPTC Photo Metadata Standard 2023.1, IPTC-IIM 4.2, Metadata Working
Group 2.0 (named faces), Microsoft People Tagging.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser

PEOPLE, PLACES, COMMENTS, TIMES, TRACES = "people", "places", "comments", "times", "camera"
"""Where a field belongs in what `inspection.inspect_stream` returns."""

Said = tuple[str, str, str]
"""Kind of field, its name for people, and the text."""

_LONGEST = 1 << 20
_SHOWN = (PEOPLE, "named in the picture")
_KEYWORDS = (COMMENTS, "keywords")

_XMP_FIELDS = {
    "dc:creator": (PEOPLE, "creator"),
    "dc:rights": (PEOPLE, "copyright"),
    "dc:title": (COMMENTS, "title"),
    "dc:description": (COMMENTS, "caption"),
    "dc:subject": _KEYWORDS,
    "lr:hierarchicalsubject": _KEYWORDS,
    "digikam:tagslist": _KEYWORDS,
    "photoshop:credit": (PEOPLE, "credit"),
    "photoshop:source": (PEOPLE, "source"),
    "photoshop:captionwriter": (PEOPLE, "caption written by"),
    "photoshop:headline": (COMMENTS, "headline"),
    "photoshop:instructions": (COMMENTS, "instructions"),
    "photoshop:transmissionreference": (COMMENTS, "job"),
    "photoshop:city": (PLACES, "city"),
    "photoshop:state": (PLACES, "state"),
    "photoshop:country": (PLACES, "country"),
    "photoshop:datecreated": (TIMES, "taken"),
    "iptc4xmpcore:location": (PLACES, "place"),
    "iptc4xmpcore:ciademailwork": (PEOPLE, "e-mail"),
    "iptc4xmpcore:ciadrtelwork": (PEOPLE, "telephone"),
    "iptc4xmpext:sublocation": (PLACES, "place"),
    "iptc4xmpext:city": (PLACES, "city"),
    "iptc4xmpext:provincestate": (PLACES, "state"),
    "iptc4xmpext:countryname": (PLACES, "country"),
    "iptc4xmpext:personinimage": _SHOWN,
    "mpreg:persondisplayname": _SHOWN,
    "mwg-rs:name": _SHOWN,
    "aux:ownername": (PEOPLE, "owner"),
    "aux:serialnumber": (TRACES, "serial number"),
    "exifex:bodyserialnumber": (TRACES, "serial number"),
    "xmp:createdate": (TIMES, "taken"),
    "xmp:modifydate": (TIMES, "changed"),
    "xmp:creatortool": (TRACES, "software"),
    "stevt:softwareagent": (TRACES, "edited with"),
    "crs:rawfilename": (TRACES, "name of the first file"),
    "xmpmm:preservedfilename": (TRACES, "name of the first file"),
    "xmpmm:originaldocumentid": (TRACES, "number that its copies share"),
    "exif:gpslatitude": (PLACES, "latitude"),
    "exif:gpslongitude": (PLACES, "longitude"),
}
_IPTC_FIELDS = {
    5: (COMMENTS, "title"),
    25: _KEYWORDS,
    26: (PLACES, "place"),
    27: (PLACES, "place"),
    40: (COMMENTS, "instructions"),
    80: (PEOPLE, "creator"),
    85: (PEOPLE, "creator's post"),
    90: (PLACES, "city"),
    92: (PLACES, "place"),
    95: (PLACES, "state"),
    101: (PLACES, "country"),
    103: (COMMENTS, "job"),
    105: (COMMENTS, "headline"),
    110: (PEOPLE, "credit"),
    115: (PEOPLE, "source"),
    116: (PEOPLE, "copyright"),
    118: (PEOPLE, "contact"),
    120: (COMMENTS, "caption"),
    122: (PEOPLE, "caption written by"),
}


def said_in_xmp(block: bytes) -> list[Said]:
    """Return the telling fields of an XMP block, in its order; whatever is no XMP says nothing."""
    encoding = "utf-16" if block[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    reader = _Tags()
    with contextlib.suppress(AssertionError):  # how the parser gives up on a broken declaration
        reader.feed(block[:_LONGEST].decode(encoding, "replace"))
        reader.close()
    return reader.said


class _Tags(HTMLParser):
    """Collects values, which stand in attributes as well as between tags."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[Said] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag, and the values in its attributes."""
        self._open.append(tag)
        for name, value in attrs:
            self._say(name, value or "")

    def handle_endtag(self, tag: str) -> None:
        """Close the tag and whatever was left open within."""
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        """Take text for the field around it, past the tags of lists."""
        field = next((tag for tag in reversed(self._open) if not tag.startswith("rdf:")), "")
        self._say(field, data)

    def _say(self, name: str, text: str) -> None:
        name = re.sub("^xap", "xmp", name)  # as Adobe's programs called it until 2004
        if name in _XMP_FIELDS and text.strip():
            kind, label = _XMP_FIELDS[name]
            text = text.replace("|", "/") if name == "lr:hierarchicalsubject" else text
            self.said.append((kind, label, text.strip()))


def said_in_iptc(records: Mapping[tuple[int, int], bytes | list[bytes]]) -> Iterator[Said]:
    """Yield the telling fields of IPTC-IIM records, as Pillow gives them."""
    for (record, field), value in sorted(records.items()):
        if record == 2 and field in _IPTC_FIELDS:
            for text in value if isinstance(value, list) else [value]:
                yield (*_IPTC_FIELDS[field], _decoded(text))


def _decoded(text: bytes) -> str:
    """Return the text; before UTF-8 became usual, programs wrote Latin-1."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")
