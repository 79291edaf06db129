"""Writing: the gate, the clean file, never over an original, nothing half-written."""

import errno
import itertools
import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from deid_desktop.core import encoders, export, scan
from deid_desktop.core.colour import SRGB_PROFILE
from deid_desktop.core.export import ExportBlocked, ExportError, require_decisions, write_photo
from deid_desktop.core.imaging import read_photo
from deid_desktop.core.types import Face, FaceResult, Method, Request, State, Verdict

PIXELS = np.random.default_rng(2).integers(0, 255, (30, 50, 3), np.uint8)
SUFFIXES = ["jpg", "JPEG", "png", "webp", "tif", "TIFF", "avif"]


class Paint:
    """A layer; what it does is of no matter here."""

    def apply(self, pixels):
        pixels[:] = 0


def face(number=0, left=5.0):
    return Face(number, (left, 5.0, 10.0, 10.0), np.zeros((5, 2), np.float32), 0.9)


def result(of, method=Method.SURROGATE, state=State.VERIFIED, layer=None, **measured):
    return FaceResult(of, Request(method=method), Verdict(state, "A reason.", **measured), layer)


def write(target, *, faces=(), results=(), sources=(), **options):
    write_photo(PIXELS, target, faces=faces, results=results, sources=sources, **options)


# The gate

PASSING = {
    (State.VERIFIED, Method.SURROGATE, True),
    (State.MASKED, Method.SOLID, True),
    (State.MASKED, Method.BLUR, True),
    (State.MASKED, Method.PIXELATE, True),
    (State.KEPT, Method.KEEP, False),
    (State.KEPT, Method.KEEP, True),
}


@pytest.mark.parametrize(
    ("state", "method", "layer"), list(itertools.product(State, Method, [True, False]))
)
def test_only_decided_faces_pass(tmp_path, state, method, layer):
    target = tmp_path / "a.png"
    one = face()
    done = result(one, method, state, Paint() if layer else None)
    if (state, method, layer) in PASSING:
        write(target, faces=[one], results=[done])
        assert target.exists()
    else:
        with pytest.raises(ExportBlocked, match=r"^a\.png: face 1 blocks the export: .+; "):
            write(target, faces=[one], results=[done])
        assert list(tmp_path.iterdir()) == []


def test_one_undecided_face_among_many_blocks():
    generator = np.random.default_rng(11)
    good = list(itertools.product(State, Method, [True, False]))
    for _ in range(300):
        faces = [face(number, float(number)) for number in range(int(generator.integers(1, 6)))]
        chosen = [good[int(generator.integers(0, len(good)))] for _ in faces]
        results = [
            result(one, method, state, Paint() if layer else None)
            for one, (state, method, layer) in zip(faces, chosen, strict=True)
        ]
        generator.shuffle(results)
        if set(chosen) <= PASSING:
            require_decisions(faces, results, name="a.png")
        else:
            with pytest.raises(ExportBlocked):
                require_decisions(faces, results, name="a.png")


@pytest.mark.parametrize(
    ("faces", "results", "reason"),
    [
        ([face()], [], "not processed"),
        ([face(0), face(1)], [result(face(0), layer=Paint())], "not processed"),
        ([face()], [result(face(), layer=Paint())] * 2, "more than one result"),
        ([], [result(face(), layer=Paint())], "belongs to no face"),
        ([face(0)], [result(face(1), layer=Paint())], "belongs to no face"),
        ([face(0), face(0)], [result(face(0), layer=Paint())], "share one number"),
        ([face(0, 5.0)], [result(face(0, 25.0), layer=Paint())], "another place"),
    ],
)
def test_results_must_match_the_faces(tmp_path, faces, results, reason):
    with pytest.raises(ExportBlocked, match=reason):
        write(tmp_path / "a.png", faces=faces, results=results)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("similarity", "threshold", "passes"),
    [(0.1, 0.4, True), (0.4, 0.4, True), (0.41, 0.4, False), (float("nan"), 0.4, False)],
)
def test_a_verdict_must_agree_with_its_numbers(similarity, threshold, passes):
    done = result(face(), layer=Paint(), similarity_to_original=similarity, threshold=threshold)
    if passes:
        require_decisions([done.face], [done], name="a.png")
    else:
        with pytest.raises(ExportBlocked, match="too similar"):
            require_decisions([done.face], [done], name="a.png")


def test_the_verdicts_own_reason_is_given():
    done = result(face(4), state=State.ATTENTION)
    done = replace(done, verdict=Verdict(State.ATTENTION, "The head is turned too far."))
    with pytest.raises(ExportBlocked, match=r"face 5 .*: The head is turned too far; choose"):
        require_decisions([done.face], [done], name="a.png")


# The file


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_file_is_the_picture_and_nothing_else(tmp_path, suffix):
    target = tmp_path / f"a.{suffix}"
    write(target)
    data = target.read_bytes()
    assert scan.foreign_parts(data) == []
    with Image.open(target) as image:
        assert image.size == (50, 30)
        assert image.format == "TIFF" or not image.getexif()
        assert set(image.info) <= {
            *("jfif", "jfif_version", "jfif_unit", "jfif_density", "icc_profile", "resolution"),
            *("compression", "dpi", "loop", "background", "timestamp", "duration"),
        }
        if suffix.lower() in ("png", "tif", "tiff"):
            assert np.array_equal(np.asarray(image), PIXELS)
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_picture_gives_the_same_bytes(tmp_path, suffix):
    write(tmp_path / f"a.{suffix}")
    write(tmp_path / f"b.{suffix}")
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


DEEP = np.random.default_rng(6).integers(0, 65536, (30, 50, 3)).astype(np.uint16)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bits_stay(tmp_path, suffix):
    target = tmp_path / f"a.{suffix}"
    write_photo(DEEP, target, faces=[], results=[], sources=[])
    assert scan.foreign_parts(target.read_bytes()) == []
    assert np.array_equal(read_photo(target).deep, DEEP)
    with Image.open(target) as image:  # another reader than the one that checks
        assert np.abs(np.asarray(image) - DEEP / 257).max() < 1
        assert image.info["icc_profile"] == SRGB_PROFILE


@pytest.mark.parametrize("suffix", ["jpg", "webp", "avif"])
def test_16_bits_are_rounded_where_the_format_has_8(tmp_path, suffix):
    smooth = np.linspace(0, 65535, 90).astype(np.uint16).reshape(30, 1, 3).repeat(50, axis=1)
    write_photo(smooth, tmp_path / f"a.{suffix}", faces=[], results=[], sources=[])
    photo = read_photo(tmp_path / f"a.{suffix}")
    assert photo.deep is None
    assert np.abs(photo.pixels - smooth / 257).mean() < 4


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_another_16_bit_picture_on_the_disk_is_refused(tmp_path, monkeypatch, suffix):
    real = export._encode
    monkeypatch.setattr(export, "_encode", lambda pixels, *rest: real(pixels ^ 1, *rest))
    with pytest.raises(ExportError, match="another picture"):
        write_photo(DEEP, tmp_path / f"a.{suffix}", faces=[], results=[], sources=[])
    assert list(tmp_path.iterdir()) == []


def test_jpeg_keeps_colour_at_full_resolution(tmp_path):
    write(tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as image:
        assert [component[1:3] for component in image.layer] == [(1, 1)] * 3


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(tmp_path, pixels):
    with pytest.raises(ExportError, match="not an RGB array"):
        write_photo(pixels, tmp_path / "a.png", faces=[], results=[], sources=[])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("suffix", "side"), [("jpg", 65_536), ("webp", 16_384)])
def test_too_long_for_the_format(tmp_path, suffix, side):
    pixels = np.zeros((side, 1, 3), np.uint8)
    with pytest.raises(ExportError, match="at most"):
        write_photo(pixels, tmp_path / f"a.{suffix}", faces=[], results=[], sources=[])
    write_photo(pixels, tmp_path / "a.png", faces=[], results=[], sources=[])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write(tmp_path / "a.png")
    finally:
        os.umask(before)
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o640


# Never over what must stay


@pytest.fixture
def original(tmp_path):
    path = tmp_path / "in" / "photo.png"
    path.parent.mkdir()
    path.write_bytes(b"the original")
    return path


def hard_link(original, folder):
    target = folder / "b.png"
    target.hardlink_to(original)
    return target


def symbolic_link(original, folder):
    target = folder / "b.png"
    target.symlink_to(original)
    return target


def linked_folder(original, folder):
    (folder / "door").symlink_to(original.parent, target_is_directory=True)
    return folder / "door" / original.name


@pytest.mark.parametrize(
    "name_of",
    [
        lambda original, folder: original,
        lambda original, folder: original.with_name("PHOTO.png"),
        lambda original, folder: original.parent / ".." / "in" / "Photo.PNG",
        hard_link,
        symbolic_link,
        linked_folder,
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_an_original_is_never_written_over(tmp_path, original, name_of, overwrite):
    out = tmp_path / "out"
    out.mkdir()
    target = name_of(original, out)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ExportError, match="over an original"):
        write(target, sources=[tmp_path / "in" / "other.png", original], overwrite=overwrite)
    assert original.read_bytes() == b"the original"
    assert sorted(tmp_path.rglob("*")) == before


def test_names_that_differ_only_in_unicode_composition_are_one(tmp_path):
    original = tmp_path / "caf\u00e9.png"
    original.write_bytes(b"the original")
    with pytest.raises(ExportError, match="over an original"):
        write(tmp_path / "cafe\u0301.png", sources=[original], overwrite=True)


def test_an_existing_output_stays_unless_asked(tmp_path):
    target = tmp_path / "a.png"
    target.write_bytes(b"earlier")
    with pytest.raises(ExportError, match=r"^a\.png: the output exists already; "):
        write(target)
    assert target.read_bytes() == b"earlier"
    write(target, overwrite=True)
    assert scan.foreign_parts(target.read_bytes()) == []


def test_an_output_that_appears_meanwhile_stays(tmp_path, monkeypatch):
    target = tmp_path / "a.png"
    check = export._check

    def appear(*arguments):
        check(*arguments)
        target.write_bytes(b"somebody else's")

    monkeypatch.setattr(export, "_check", appear)
    with pytest.raises(ExportError, match="exists already"):
        write(target)
    assert target.read_bytes() == b"somebody else's"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("exists", [False, True])
def test_disks_without_hard_links(tmp_path, monkeypatch, exists):
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    target = tmp_path / "a.png"
    monkeypatch.setattr(os, "link", refuse)
    if exists:
        check = export._check
        monkeypatch.setattr(export, "_check", lambda *a: (check(*a), target.write_bytes(b"x")))
        with pytest.raises(ExportError, match="exists already"):
            write(target)
        assert target.read_bytes() == b"x"
    else:
        write(target)
    assert list(tmp_path.iterdir()) == [target]


def test_overwriting_replaces_a_link_and_not_what_it_points_to(tmp_path):
    elsewhere = tmp_path / "elsewhere.png"
    elsewhere.write_bytes(b"mine")
    target = tmp_path / "a.png"
    target.symlink_to(elsewhere)
    write(target, overwrite=True)
    assert elsewhere.read_bytes() == b"mine"
    assert not target.is_symlink()


# Bad places and failing disks


def test_unknown_suffix_and_missing_folder(tmp_path):
    with pytest.raises(ExportError, match="this kind of file"):
        write(tmp_path / "a.gif")
    with pytest.raises(ExportError, match="folder does not exist"):
        write(tmp_path / "gone" / "a.png")
    (tmp_path / "b.png").mkdir()
    with pytest.raises(ExportError, match="no file has this name"):
        write(tmp_path / "b.png", overwrite=True)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ExportError, match=r"^a\.png: .*Permission denied.*; check"):
        write(tmp_path / "a.png")


@pytest.mark.parametrize("step", ["_encode", "write_durably", "_check", "publish"])
@pytest.mark.parametrize(
    "fault",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EROFS, "Read-only file system"),
        MemoryError(),
        KeyboardInterrupt(),
    ],
)
def test_a_fault_at_any_step_leaves_nothing_half_written(tmp_path, monkeypatch, step, fault):
    def fail(first, *_, **__):
        if step == "write_durably":
            first.write_bytes(b"half a picture")
        raise fault

    monkeypatch.setattr(export, step, fail)
    if isinstance(fault, OSError):
        with pytest.raises(ExportError, match=rf"^a\.png: .*{fault.strerror}.*; "):
            write(tmp_path / "a.png")
    else:
        with pytest.raises(type(fault)):
            write(tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: data + b"trailing", "bytes"),
        (lambda data: data[: len(data) // 2], "cannot be read back"),
        (lambda data: b"", "cannot be read back"),
    ],
)
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
def test_what_the_disk_holds_is_checked(tmp_path, monkeypatch, suffix, spoil, reason):
    real = export.write_durably
    monkeypatch.setattr(export, "write_durably", lambda path, data: real(path, spoil(data)))
    with pytest.raises(ExportError, match=rf"{reason}.* removed; "):
        write(tmp_path / f"a.{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_another_picture_on_the_disk_is_refused(tmp_path, monkeypatch):
    real = export._encode
    monkeypatch.setattr(export, "_encode", lambda pixels, *rest: real(pixels ^ 1, *rest))
    with pytest.raises(ExportError, match="another picture"):
        write(tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_that_adds_metadata_is_caught(tmp_path, monkeypatch):
    exif = Image.Exif()
    exif[0x010E] = "a secret caption"
    for kind in encoders._ENCODERS:
        monkeypatch.setitem(encoders._ENCODERS, kind, {"exif": exif})
    for suffix in ("jpg", "png", "webp", "tif", "avif"):
        with pytest.raises(ExportError, match="the written file held"):
            write(tmp_path / f"a.{suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.shared
def test_no_metadata_of_real_photos_survives(tmp_path, shared):
    for number, path in enumerate(sorted((shared / "photos" / "metadata").iterdir())):
        photo = read_photo(path)
        for suffix in ("jpg", "png", "webp", "tif", "avif"):
            target = tmp_path / f"{number}.{suffix}"
            write_photo(photo.pixels, target, faces=[], results=[], sources=[path])
            assert scan.foreign_parts(target.read_bytes()) == []
