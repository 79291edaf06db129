"""Files whole or not at all: killed, on a full disk, on one that vanishes; and what is swept."""

import errno
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from deid_desktop.core import files
from deid_desktop.core.export import ExportError, write_photo
from deid_desktop.core.files import new_file, publish, sweep, write_durably

PIXELS = np.random.default_rng(2).integers(0, 255, (90, 120, 3), np.uint8)
CALLS = ("open", "write", "fsync", "link", "unlink", "close")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and kill")


def write(folder, name="a.png"):
    write_photo(PIXELS, folder / name, faces=[], results=[], sources=[])


def before(call, number, act):
    """Do ``act`` before the ``number``-th use of an operating system's call."""
    real, count = getattr(os, call), [0]

    def stand_in(*arguments, **options):
        count[0] += 1
        if count[0] == number:
            act(*arguments)
        return real(*arguments, **options)

    return stand_in


def die_half_way(*arguments):
    if len(arguments) == 2 and isinstance(arguments[1], memoryview):
        os.pwrite(arguments[0], bytes(arguments[1][:10]), 0)
    os.kill(os.getpid(), signal.SIGKILL)


@forks
@pytest.mark.parametrize(
    ("call", "number"),
    [*((call, 1) for call in CALLS), ("open", 2), ("open", 3), ("write", 3), ("close", 2)],
)
def test_a_killed_export_leaves_all_or_nothing(tmp_path, call, number):
    write(tmp_path, "whole.png")
    expected = (tmp_path / "whole.png").read_bytes()
    child = os.fork()
    if child == 0:
        files._CHUNK = 4096
        setattr(os, call, before(call, number, die_half_way))
        write(tmp_path)
        os._exit(1)  # the call was never made
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    target = tmp_path / "a.png"
    assert not target.exists() or target.read_bytes() == expected
    others = {path.name for path in tmp_path.iterdir()} - {"a.png", "whole.png"}
    assert len(others) <= 1
    assert all(files._LEFTOVER.fullmatch(name) for name in others)
    for name in others:  # an empty file may be one that somebody has just made
        os.utime(tmp_path / name, (0, 0))
    target.unlink(missing_ok=True)
    write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "whole.png"}
    assert target.read_bytes() == expected


@pytest.mark.parametrize("call", ["open", "write", "fsync", "link"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EDQUOT])
def test_a_failing_disk_leaves_nothing_and_is_said(tmp_path, monkeypatch, call, code):
    def fail(*arguments):
        raise OSError(code, os.strerror(code))

    if call == "link":
        monkeypatch.setattr(Path, "replace", fail)
    monkeypatch.setattr(os, call, before(call, 1, fail))
    with pytest.raises(ExportError, match=rf"^a\.png: .*{os.strerror(code)}.*; "):
        write(tmp_path)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", ["open", "write", "fsync", "link"])
def test_a_vanished_folder_is_said(tmp_path, monkeypatch, call):
    folder = tmp_path / "stick"
    folder.mkdir()
    monkeypatch.setattr(os, call, before(call, 1, lambda *_: shutil.rmtree(folder)))
    with pytest.raises(ExportError, match=r"^a\.png: .*No such file.*; check"):
        write(folder)
    assert not folder.exists()


@forks
def test_files_cut_short_by_the_system_are_not_left(tmp_path):
    import resource

    for size in range(1, 30_000, 3000):
        child = os.fork()
        if child == 0:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            try:
                write(tmp_path)
            except ExportError:
                os._exit(3)
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 3 << 8
        assert list(tmp_path.iterdir()) == []


def test_only_abandoned_files_of_ours_are_swept(tmp_path):
    left = tmp_path / ".0123456789abcdef.part"
    left.write_bytes(b"half a picture")
    strangers = (".0123456789abcdef.par", "0123456789abcdef.part", ".download.part", "a.png")
    for name in strangers:
        (tmp_path / name).write_bytes(b"somebody else's")
    (tmp_path / ".1123456789abcdef.part").mkdir()
    outside = tmp_path / "a.png"
    (tmp_path / ".2123456789abcdef.part").symlink_to(outside)
    if sys.platform == "win32":
        os.utime(left, (0, 0))
    sweep(tmp_path)
    stayed = {path.name for path in tmp_path.iterdir()}
    assert stayed == {*strangers, ".1123456789abcdef.part", ".2123456789abcdef.part"}
    assert outside.read_bytes() == b"somebody else's"
    sweep(tmp_path / "gone")


def test_a_file_at_work_is_not_swept(tmp_path):
    with new_file(tmp_path) as path:
        sweep(tmp_path)
        write_durably(path, b"at work")
        sweep(tmp_path)
        publish(path, tmp_path / "done", overwrite=False)
        sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["done"]
    assert (tmp_path / "done").read_bytes() == b"at work"
