"""What a file reveals is found, in files made here; and a clean file reveals nothing."""

import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from deid_desktop import cli
from deid_desktop.core.colour import SRGB_PROFILE
from deid_desktop.core.descriptions import said_in_xmp
from deid_desktop.core.export import write_photo
from deid_desktop.core.imaging import ImageError
from deid_desktop.core.inspection import described, inspect_file

PIXELS = np.random.default_rng(1).integers(0, 255, (60, 80, 3), np.uint8)
WORDS = b"<rdf:Description photoshop:City='Sydney'/>"
PLACE = {1: "S", 2: (33.0, 51.0, 36.0), 3: "E", 4: (151.0, 12.0, 0.0)}


def exif_with_thumbnail(thumbnail):
    """Return an EXIF block with one tag, and a thumbnail in its second directory."""
    first = struct.pack("<HHHII", 1, 0x010F, 2, 4, int.from_bytes(b"Cam\0", "little"))
    second = struct.pack("<HHHIIHHII", 2, 0x0201, 4, 1, 56, 0x0202, 4, 1, len(thumbnail))
    head = b"II*\0" + struct.pack("<I", 8) + first + struct.pack("<I", 26) + second + bytes(4)
    return b"Exif\0\0" + head.ljust(56, b"\0") + thumbnail


def rich_jpeg(path):
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x013B] = "Canon", "EOS \x1b[2J", "A. Person"
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    exif.get_ifd(0x8769)[0xA431] = "SN-1234"
    exif.get_ifd(0x8825).update(PLACE)
    Image.fromarray(PIXELS).save(path, exif=exif, comment=b"a secret caption", xmp=WORDS)
    data = path.read_bytes()
    manifest = b"JP\0\1\0\0\0\1\0\0\0\x20jumb\0\0\0\x18jumdc2pa"
    segment = b"\xff\xeb" + struct.pack(">H", len(manifest) + 2) + manifest
    path.write_bytes(data[:2] + segment + data[2:] + b"PK\3\4 an archive")
    return path


def test_everything_in_a_jpeg_is_found(tmp_path):
    found = inspect_file(rich_jpeg(tmp_path / "a.jpg"), megapixels=1)
    assert (found["format"], found["width"], found["height"]) == ("JPEG", 80, 60)
    assert found["camera"]["make"] == "Canon"
    assert found["camera"]["serial number"] == "SN-1234"
    assert found["people"] == {"artist": "A. Person"}
    assert found["times"] == {"taken": "2024:05:06 07:08:09"}
    assert found["comments"] == {"comment of the file": "a secret caption"}
    assert found["location"] == {"latitude": -33.86, "longitude": 151.2}
    assert found["content_credentials"]
    assert found["trailing_bytes"] == 15
    names = " ".join(block["name"] for block in found["blocks"])
    for words in ("Exif", "comment", "APP11", "xap", "after the end"):
        assert words in names
    json.dumps(found)


def test_a_thumbnail_is_found(tmp_path):
    small = io.BytesIO()
    Image.new("RGB", (16, 12)).save(small, "JPEG")
    exif = exif_with_thumbnail(small.getvalue())
    Image.fromarray(PIXELS).save(tmp_path / "a.jpg", exif=exif)
    found = inspect_file(tmp_path / "a.jpg", megapixels=1)
    assert found["thumbnail"] == {"width": 16, "height": 12}
    assert found["camera"] == {"make": "Cam"}


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "avif"])
def test_exif_is_found_in_every_container(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x010F] = "Canon"
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(PIXELS).save(path, exif=exif)
    found = inspect_file(path, megapixels=1)
    assert found["camera"] == {"make": "Canon"}
    assert found["blocks"]


XMP = """<?xpacket begin="\ufeff"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description
 photoshop:City="Sydney" xap:CreatorTool="Editor 7" xmp:ModifyDate="2024-05-07" crs:Tint="+4">
<dc:creator><rdf:Seq><rdf:li>A. Person</rdf:li><rdf:li>B. Person</rdf:li></rdf:Seq></dc:creator>
<mwg-rs:Regions><mwg-rs:RegionList><rdf:Bag><rdf:li><mwg-rs:Name>C. Person</mwg-rs:Name>
<mwg-rs:Type>Face</mwg-rs:Type></rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>
<xmpMM:History><rdf:Seq><rdf:li stEvt:softwareAgent="Editor 6"/><rdf:li
 stEvt:softwareAgent="Editor 7"/></rdf:Seq></xmpMM:History>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xmp_tells_on_people_and_places(tmp_path, suffix, encoding):
    block, info = XMP.encode(encoding), PngInfo()
    if suffix == "png":
        info.add_itxt("XML:com.adobe.xmp", XMP)
    options = {"png": {"pnginfo": info}, "tif": {"tiffinfo": {700: block}}}
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(PIXELS).save(path, **options.get(suffix, {"xmp": block}))
    found = inspect_file(path, megapixels=1)
    assert found["people"] == {
        "creator": "A. Person; B. Person",
        "named in the picture": "C. Person",
    }
    assert found["places"] == {"city": "Sydney"}
    assert found["times"] == {"changed": "2024-05-07"}
    assert found["camera"] == {"software": "Editor 7", "edited with": "Editor 6; Editor 7"}


def photoshop_segment(*resources):
    """Return Photoshop's block of a JPEG with resources of the given numbers."""
    body = b"Photoshop 3.0\0"
    for number, data in resources:
        body += b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + bytes(len(data) % 2)
    return b"\xff\xed" + struct.pack(">H", len(body) + 2) + body


def test_photoshops_block_tells_words_and_a_thumbnail(tmp_path):
    small = io.BytesIO()
    Image.new("RGB", (16, 12)).save(small, "JPEG")
    records = b"".join(
        struct.pack(">BBBH", 0x1C, 2, field, len(text)) + text
        for field, text in ((80, b"A. Person"), (25, b"quay"), (25, b"m\xe9t\xe9o"), (90, b"Paris"))
    )
    path = tmp_path / "a.jpg"
    Image.fromarray(PIXELS).save(path)
    data = path.read_bytes()
    thumbnail = bytes(28) + small.getvalue()
    segment = photoshop_segment((0x0404, records), (0x040C, thumbnail))
    path.write_bytes(data[:2] + segment + data[2:])
    found = inspect_file(path, megapixels=1)
    assert found["people"] == {"creator": "A. Person"}
    assert found["comments"] == {"keywords": "quay; météo"}
    assert found["places"] == {"city": "Paris"}
    assert found["thumbnail"] == {"width": 16, "height": 12}


@given(st.binary(max_size=60) | st.text(alphabet="<>![]/:?=\"'rdf li", max_size=40).map(str.encode))
@example(b"<![x[")
@example(b"<dc:creator></rdf:li><dc:creator")
def test_broken_xmp_says_what_it_still_says(rest):
    head = b"<rdf:Description photoshop:City='Paris'/>"
    assert said_in_xmp(head + rest)[0] == ("places", "city", "Paris")


def test_texts_in_a_png_are_found(tmp_path):
    info = PngInfo()
    info.add_text("Author", "A. Person")
    Image.fromarray(PIXELS).save(tmp_path / "a.png", pnginfo=info)
    found = inspect_file(tmp_path / "a.png", megapixels=1)
    assert found["comments"] == {"Author": "A. Person"}


def test_heic_is_taken_apart():
    folder = Path(__file__).parent / "data"
    found = inspect_file(folder / "turned.heic", megapixels=1)
    assert found["format"] == "HEIF"
    assert found["camera"] == {"make": "a camera"}
    assert any("Exif" in block["name"] for block in found["blocks"])
    assert inspect_file(folder / "two.heic", megapixels=1)["further_pictures"] == 1
    extra = inspect_file(folder / "transparent.heic", megapixels=1)["blocks"]
    assert {"name": "additional picture", "bytes": 0} in extra


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
def test_what_the_program_writes_reveals_nothing(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    write_photo(PIXELS, path, faces=[], results=[], sources=[])
    found = inspect_file(path, megapixels=1)
    assert found["blocks"] == found["notes"] == []
    assert described(found).splitlines()[1:] == ["  nothing beside the picture"]


def test_a_damaged_structure_is_said(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(path, icc_profile=SRGB_PROFILE)
    path.write_bytes(path.read_bytes()[:-20])
    assert "damaged" in inspect_file(path, megapixels=1)["notes"][0]


def test_no_photo_is_one_sentence(tmp_path):
    (tmp_path / "a.jpg").write_text("no photo")
    with pytest.raises(ImageError, match=r"^a\.jpg: .*; open"):
        inspect_file(tmp_path / "a.jpg", megapixels=1)


def test_the_command_shows_the_place_only_when_asked(tmp_path, capsys):
    path = rich_jpeg(tmp_path / "a.jpg")
    assert cli.main(["inspect", str(path)]) == 0
    text = capsys.readouterr().out
    assert "-33.86" not in text
    assert "Sydney" not in text
    assert "it holds the place" in text
    assert "faces found: 0" in text
    assert "\x1b" not in text
    assert cli.main(["inspect", "--location", "--no-faces", str(path)]) == 0
    text = capsys.readouterr().out
    assert "location: -33.86, 151.2" in text
    assert "city: Sydney" in text
    assert "faces" not in text


def test_the_command_speaks_json_and_goes_on_after_a_fault(tmp_path, capsys):
    path = rich_jpeg(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_text("no photo")
    assert cli.main(["inspect", "--json", str(tmp_path / "b.jpg"), str(path)]) == 1
    streams = capsys.readouterr()
    (found,) = json.loads(streams.out)
    assert (found["location"], found["places"], found["faces"]) == ("not shown", "not shown", 0)
    assert streams.err.startswith("b.jpg: ")


@pytest.mark.shared
def test_real_photos_reveal_what_they_hold(shared):
    for path in (shared / "photos" / "metadata").iterdir():
        found = inspect_file(path, megapixels=100)
        assert any("Exif" in block["name"] for block in found["blocks"])
    found = inspect_file(shared / "photos/metadata/immich_portrait-orientation-6.jpg", megapixels=1)
    assert found["people"] == {"named in the picture": "Marie Curie; Pierre Curie"}
    found = inspect_file(shared / "photos/metadata/18f_jeff-durland.jpg", megapixels=100)
    assert found["location"] == {"latitude": 40.709564, "longitude": -74.012231}
