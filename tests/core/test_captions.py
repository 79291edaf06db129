"""Credit and caption: the only text in a file, to the byte, and in a form that others read."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from deid_desktop.core import encoders, export, scan
from deid_desktop.core.captions import LONGEST, Words, packet
from deid_desktop.core.encoders import FORMATS, encode
from deid_desktop.core.export import ExportError, write_photo
from deid_desktop.core.imaging import read_photo
from deid_desktop.core.inspection import inspect_file

SUFFIXES = ("jpg", "png", "webp", "tif", "avif")
PIXELS = np.random.default_rng(4).integers(0, 256, (40, 60, 3), np.uint8)
RGBA = np.dstack([PIXELS, np.full((40, 60), 255, np.uint8)])
RGBA[:10, :, 3] = 128
DEEP = PIXELS.astype(np.uint16) * 257
WORDS = Words("Ana Čapek / Agency <1>", "Two people & a dog,\nHamburg. صورة 照片")
DC = "{http://purl.org/dc/elements/1.1/}"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"


def write(target, pixels=PIXELS, words=WORDS):
    write_photo(pixels, target, faces=[], results=[], sources=[], words=words)


def fields(xmp):
    """Return caption and credit as another parser reads them."""
    text = re.sub(r"<\?xpacket.*?\?>", "", xmp.decode().removeprefix("\ufeff")).strip()
    root = ElementTree.fromstring(text)
    caption = root.find(f".//{DC}description/{RDF}Alt/{RDF}li")
    credit = root.find(".//{http://ns.adobe.com/photoshop/1.0/}Credit")
    return tuple(None if found is None else found.text for found in (caption, credit))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("pixels", [PIXELS, RGBA, DEEP], ids=["8 bit", "opacity", "16 bit"])
def test_what_was_typed_is_in_the_file_and_nothing_else(tmp_path, suffix, pixels):
    target = tmp_path / f"a.{suffix}"
    write(target, pixels)
    data = target.read_bytes()
    assert data.count(packet(WORDS)) == 1
    assert scan.foreign_parts(data, words=packet(WORDS)) == []
    assert scan.foreign_parts(data) != []
    with Image.open(target) as image:
        xmp = image.info.get("xmp") or image.tag_v2[700]
    assert fields(xmp) == (WORDS.caption, WORDS.credit)
    assert len(inspect_file(target, megapixels=1)["blocks"]) >= 1
    assert read_photo(target).pixels.shape == PIXELS.shape


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("asked", "held"),
    [
        (Words(), WORDS),
        (WORDS, Words()),
        (WORDS, Words(WORDS.credit, WORDS.caption + " at home")),
    ],
)
def test_any_other_text_is_refused(tmp_path, monkeypatch, suffix, asked, held):
    real = export._encode
    monkeypatch.setattr(export, "_encode", lambda *rest: real(*rest[:-1], packet(held)))
    with pytest.raises(ExportError, match="the written file held"):
        write(tmp_path / f"a.{suffix}", words=asked)
    assert list(tmp_path.iterdir()) == []


def test_the_text_may_be_there_once_only():
    data = encode(PIXELS, "JPEG", words=packet(WORDS))
    start = data.index(b"\xff\xe1")
    size = 2 + int.from_bytes(data[start + 2 : start + 4])
    twice = data[:start] + data[start : start + size] + data[start:]
    assert scan.foreign_parts(data, words=packet(WORDS)) == []
    assert scan.foreign_parts(twice, words=packet(WORDS)) != []


def test_an_item_of_another_kind_is_not_taken_for_text():
    data = encode(PIXELS, "AVIF", words=packet(WORDS))
    assert scan.foreign_parts(data, words=packet(WORDS)) == []
    other = data.replace(b"mimeXMP\0", b"mimeXMQ\0")
    assert scan.foreign_parts(other, words=packet(WORDS)) != []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (Words("", "Only a caption"), ("Only a caption", None)),
        (Words("Only\na credit"), (None, "Only a credit")),
        (Words("", "a\0b\x1bc\ud800d\x85e"), ("a b c d e", None)),
        (Words("", "  \n "), None),
        (Words("", "می‌خواهم"), ("می‌خواهم", None)),
        (Words("]]><x:evil/><!--", "&amp;"), ("&amp;", "]]><x:evil/><!--")),
        (Words("", "x" * 5000), ("x" * LONGEST, None)),
    ],
)
def test_whatever_is_typed_is_well_formed(words, expected):
    made = packet(words)
    assert (fields(made) if made else None) == expected


def test_without_words_there_is_no_packet():
    assert packet(Words()) == b""
    for suffix in SUFFIXES:
        kind = FORMATS[f".{suffix}"]
        assert b"xpacket" not in encode(PIXELS, kind)
    assert set(encoders.DEEP) == {"PNG", "TIFF"}
