"""Reading in a process of its own: the same pixels, and whatever happens costs one photo."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from deid_desktop.core import cell, imaging, sandbox
from deid_desktop.core.imaging import ImageError
from deid_desktop.core.sandbox import Limits, Reader, limits_from
from deid_desktop.core.types import DeidError

HERE = Path(__file__)


@pytest.fixture(scope="module")
def reader():
    reader = Reader(Limits(seconds=60))
    yield reader
    reader.close()


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "a\nb\u202ec.png"
    pixels = np.random.default_rng(1).integers(0, 255, (700, 900, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_the_same_pixels_come_back(reader, picture):
    read, here = reader.decode(picture), imaging.decode(picture)
    assert np.array_equal(read.photo.pixels, here.photo.pixels)
    assert (read.photo.name, read.photo.key) == (picture.name, here.photo.key)
    with pytest.raises(ValueError, match="read-only"):
        read.photo.pixels[0, 0] = 1


def test_16_bits_and_notes_come_back(reader, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 65536, (70, 90, 4)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    read, here = reader.decode(tmp_path / "a.png"), imaging.decode(tmp_path / "a.png")
    assert np.array_equal(read.photo.deep, here.photo.deep)
    assert np.array_equal(read.photo.pixels, here.photo.pixels)
    assert read.notes == here.notes != ()


def test_a_page_is_passed_on(reader, tmp_path):
    pages = [Image.new("L", (8, 8), level) for level in (10, 200)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert reader.decode(tmp_path / "a.tif", page=1).photo.pixels[0, 0, 0] == 200
    assert reader.decode(tmp_path / "a.tif").photo.pixels[0, 0, 0] == 10


def test_refusals_keep_their_sentence(reader, tmp_path):
    (tmp_path / "a.jpg").write_text("no photo")
    with pytest.raises(ImageError, match=r"^a\.jpg: this is no undamaged photo.*; open"):
        reader.decode(tmp_path / "a.jpg")
    with pytest.raises(ImageError, match=r"^gone\.jpg: .*No such file"):
        reader.decode(tmp_path / "gone.jpg")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_an_interrupt_never_reaches_the_process(picture):
    """Not even before it has loaded what ignores it: ^C left a traceback of its imports."""
    reader = Reader(Limits(seconds=60))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    reader.prepare()
    lines = Path(f"/proc/{reader._process.pid}/status").read_text().splitlines()
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigBlk", "SigIgn"))]
    assert any(mask & (1 << (signal.SIGINT - 1)) for mask in masks)
    os.kill(reader._process.pid, signal.SIGINT)
    assert reader.decode(picture).pages == 1
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
    reader.close()


def test_one_process_serves_many_photos(reader, picture):
    reader.decode(picture)
    first = reader._process.pid
    reader.decode(picture)
    assert reader._process.pid == first


# What the process does when a decoder goes wrong. Each stands for ``_serve``.


def crash(connection, limits):
    connection.send_bytes(cell.READY)
    connection.recv_bytes()
    os.abort()


def hang(connection, limits):
    connection.send_bytes(cell.READY)
    connection.recv_bytes()
    time.sleep(60)


def hang_half_way(connection, limits):
    connection.send_bytes(cell.READY)
    connection.recv_bytes()
    connection.send_bytes(json.dumps({"shape": [10, 10], "deep": False, "notes": []}).encode())
    connection.send_bytes(bytes(100))
    time.sleep(60)


def lie(connection, limits):
    connection.send_bytes(cell.READY)
    connection.recv_bytes()
    connection.send_bytes(json.dumps({"shape": [10**6, 10**6], "deep": False}).encode())
    time.sleep(60)


def babble(connection, limits):
    connection.send_bytes(cell.READY)
    connection.recv_bytes()
    connection.send_bytes(b"\x80\x04cos\nsystem\n")  # a pickle
    time.sleep(60)


def never_start(connection, limits):
    os._exit(1)


def send_too_much(connection, limits):
    connection.send_bytes(cell.READY)
    connection.recv_bytes()
    connection.send_bytes(json.dumps({"shape": [1, 1], "deep": False, "notes": []}).encode())
    connection.send_bytes(bytes(100))
    time.sleep(60)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (crash, "broke down"),
        (hang, "longer than the 2 seconds"),
        (hang_half_way, "longer than the 2 seconds"),
        (lie, "broke down"),
        (babble, "broke down"),
        (send_too_much, "broke down"),
        (never_start, "cannot be started"),
    ],
)
def test_whatever_goes_wrong_costs_one_photo(monkeypatch, picture, fault, reason):
    reader = Reader(Limits(seconds=2))
    with monkeypatch.context() as patch:
        patch.setattr(sandbox, "_serve", fault)
        patch.setattr(sandbox, "_serve_open", fault)
        with pytest.raises(ImageError, match=rf"{reason}.*; ") as caught:
            reader.decode(picture)
        assert str(caught.value).startswith(f"{picture.name}: ")
    reader.limits = Limits()
    assert reader.decode(picture).photo.pixels.shape == (700, 900, 3)
    reader.close()


def test_where_confined_decoders_fail_photos_are_read_without_and_it_is_known(monkeypatch, picture):
    monkeypatch.setattr(sandbox, "_serve", never_start)
    reader = Reader(Limits())
    assert reader.decode(picture).photo.pixels.shape == (700, 900, 3)
    assert reader.confined_by() == ()
    reader.close()
    assert reader.confined_by() == (), "and it is not tried again for every photo"
    reader.close()


def test_a_process_that_cannot_start_is_said(monkeypatch, picture):
    def fail(self):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(Reader, "prepare", fail)
    with pytest.raises(ImageError, match=r"cannot be started; close"):
        Reader(Limits()).decode(picture)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds to a limit of memory")
def test_memory_is_limited(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (6000, 6000)).save(path)
    reader = Reader(Limits(megabytes=150))
    with pytest.raises(ImageError, match=r"^a\.png: .*memory.*; make"):
        reader.decode(path)
    reader.close()


def test_pixels_are_limited(picture):
    reader = Reader(Limits(megapixels=0.5))
    with pytest.raises(ImageError, match=r"more than the 0\.5 megapixels.*; make"):
        reader.decode(picture)
    reader.close()


def tell_what_is_allowed(connection, limits):
    """Try to write a file and to be dumped, and answer with what came of it."""
    import resource

    from deid_desktop.core.hardening import forbid_core_dumps

    connection.send_bytes(cell.READY)
    path = Path(json.loads(connection.recv_bytes())["path"])
    forbid_core_dumps()
    cell.limit(limits.megabytes)
    try:
        path.with_name("written").write_bytes(b"pixels")
        written = "wrote"
    except OSError as error:
        written = os.strerror(error.errno)
    core = resource.getrlimit(resource.RLIMIT_CORE)
    connection.send_bytes(json.dumps({"error": f"{written} {core}"}).encode())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such limits")
def test_the_process_can_write_no_file_and_leaves_no_dump(monkeypatch, picture):
    monkeypatch.setattr(sandbox, "_serve", tell_what_is_allowed)
    reader = Reader(Limits())
    with pytest.raises(ImageError, match=r"File too large \(0, 0\)"):
        reader.decode(picture)
    reader.close()
    written = picture.with_name("written")
    assert not written.exists() or written.stat().st_size == 0


def test_limits_come_from_wishes_then_the_environment():
    environment = {"DEID_MAX_SECONDS": "5", "DEID_MAX_MEGAPIXELS": "20"}
    assert limits_from({}) == Limits()
    assert limits_from(environment) == Limits(seconds=5, megapixels=20)
    assert limits_from(environment, seconds=7, megabytes=None) == Limits(7, megapixels=20)
    for wrong in ("many", "-1", "0", "nan", "inf", ""):
        with pytest.raises(DeidError, match=r"^DEID_MAX_SECONDS: .*; correct"):
            limits_from({"DEID_MAX_SECONDS": wrong})
