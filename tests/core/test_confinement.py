"""What a decoder that was taken over could still do: tried from within the reading process."""

import ctypes
import io
import json
import mmap
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from deid_desktop.core import cell, confinement, imaging, sandbox
from deid_desktop.core.decoders import _PILLOW
from deid_desktop.core.imaging import ImageError
from deid_desktop.core.sandbox import Limits, Reader

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux confines")


def new_code():
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


def call(number, *arguments):
    library = ctypes.CDLL(None, use_errno=True)
    if library.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")


ATTEMPTS = {
    "read a file": lambda: Path("/etc/passwd").read_bytes(),
    "read itself": lambda: Path("/proc/self/environ").read_bytes(),
    "list a folder": lambda: list(Path("/").iterdir()),
    "write a file": lambda: Path("/tmp/stolen").write_bytes(b"pixels"),
    "remove a file": lambda: Path("/tmp/stolen").unlink(),
    "make a link": lambda: Path("/tmp/link").symlink_to("/etc/passwd"),
    "use TCP": lambda: socket.create_connection(("127.0.0.1", 9), 1),
    "use UDP": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "talk to the desktop": lambda: socket.socket(socket.AF_UNIX),
    "start a program": lambda: subprocess.run(["true"], check=False),
    "fork": os.fork,
    "kill the program": lambda: os.kill(os.getppid(), 0),
    "become a signal's sender": lambda: call(234, os.getppid(), os.getppid(), 0),
    "read the program's memory": lambda: call(101, 16, os.getppid(), 0, 0),
    "run new code": new_code,
    "use io_uring": lambda: call(425, 1, 0),
    "open by handle": lambda: call(304, -100, 0, 0),
    "leave its namespace": lambda: call(272, 0x10000000),
    "load a kernel's program": lambda: call(321, 0, 0, 0),
}


def attempts(connection, limits):
    """Stand for ``_serve``: confine oneself as it does, then try everything."""
    cell.limit(limits.megabytes)
    subprocess.run(["true"], check=False)  # its modules load late
    means = confinement.confine_process()
    connection.send_bytes(" ".join((cell.READY.decode(), *means)).encode())
    connection.recv_bytes()
    came = {}
    for name, attempt in ATTEMPTS.items():
        try:
            attempt()
            came[name] = "done"
        except OSError as error:
            came[name] = os.strerror(error.errno) if error.errno else repr(error)
        except Exception as error:
            came[name] = repr(error)
    thread = threading.Thread(target=came.update, args=({"start a thread": "done"},))
    thread.start()
    thread.join()
    connection.send_bytes(json.dumps({"error": json.dumps(came)}).encode())


@pytest.fixture(scope="module")
def reader():
    reader = Reader(Limits())
    if "seccomp" not in reader.confined_by():
        pytest.skip("this kernel or processor has no seccomp filter for us")
    yield reader
    reader.close()


def test_a_decoder_that_is_taken_over_reaches_nothing(reader, monkeypatch, tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    monkeypatch.setattr(sandbox, "_serve", attempts)
    taken = Reader(Limits(seconds=20))
    with pytest.raises(ImageError) as caught:
        taken.decode(tmp_path / "a.png")
    taken.close()
    came = json.loads(str(caught.value))
    assert came.pop("start a thread") == "done"
    assert set(came) == set(ATTEMPTS)
    allowed = ("Operation not permitted", "Function not implemented")
    assert {name: words for name, words in came.items() if words not in allowed} == {}


def test_landlock_alone_closes_all_files(monkeypatch, reader, tmp_path):
    if "Landlock" not in reader.confined_by():
        pytest.skip("this kernel has no Landlock")
    (tmp_path / "a.png").write_bytes(b"x")
    monkeypatch.setattr(sandbox, "_serve", landlocked)
    taken = Reader(Limits(seconds=20))
    with pytest.raises(ImageError) as caught:
        taken.decode(tmp_path / "a.png")
    taken.close()
    came = json.loads(str(caught.value))
    for name in ("read a file", "list a folder", "write a file", "make a link"):
        assert came[name] == "Permission denied", name


def landlocked(connection, limits):
    confinement._seccomp = lambda library: False
    attempts(connection, limits)


def pictures(folder):
    """Write one picture of every kind, and return them."""
    pixels = np.random.default_rng(5).integers(0, 256, (40, 60, 3), np.uint8)
    for kind in _PILLOW:
        if kind == "HEIF":
            continue
        for mode in ("RGB", "L", "P", "RGBA", "1", "CMYK"):
            path = folder / f"{mode}.{kind.lower()}"
            file = io.BytesIO()
            try:
                Image.fromarray(pixels).convert(mode).save(file, kind)
            except (OSError, ValueError):
                continue  # this kind knows no such picture
            path.write_bytes(file.getvalue())
    for compression in ("tiff_lzw", "jpeg", "packbits", "tiff_deflate", "group4"):
        image = Image.fromarray(pixels).convert("1" if compression == "group4" else "RGB")
        image.save(folder / f"{compression}.tif", compression=compression)
    for suffix in ("png", "tif"):
        cv2.imwrite(str(folder / f"deep.{suffix}"), pixels.astype(np.uint16) * 257)
    return sorted(folder.iterdir()) + sorted((Path(__file__).parent / "data").iterdir())


def test_every_kind_of_photo_is_read_under_confinement(reader, tmp_path):
    paths = pictures(tmp_path)
    assert len(paths) > 35
    for path in paths:
        read, here = reader.decode(path), imaging.decode(path)
        assert (read.photo.key, read.notes) == (here.photo.key, here.notes), path.name
        reader.inspect(path)


@pytest.mark.shared
def test_real_photos_are_read_alike_within_and_without(reader, shared):
    for path in sorted((shared / "photos" / "metadata").iterdir()):
        assert reader.decode(path).photo.key == imaging.decode(path).photo.key
        assert reader.inspect(path)["blocks"]


def test_the_numbers_are_those_of_the_kernel():
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not header.exists():
        pytest.skip("the kernel's headers are not installed")
    names = {int(n): name for name, n in re.findall(r"__NR_(\w+) (\d+)", header.read_text())}
    allowed = {names[number] for number in confinement._CALLS}
    assert {"read", "write", "recvmsg", "exit_group", "futex"} <= allowed
    for word in ("open", "connect", "socket", "exec", "fork", "ptrace", "kill", "send", "link"):
        assert not [name for name in allowed if word in name], word
    conditional = [confinement._MMAP, confinement._MPROTECT, confinement._CLONE]
    conditional += [confinement._TGKILL, confinement._PRLIMIT]
    assert [names[n] for n in conditional] == ["mmap", "mprotect", "clone", "tgkill", "prlimit64"]


def test_where_there_is_no_such_thing_nothing_is_claimed(monkeypatch):
    class Bare:
        def prctl(self, *_):
            return 0

        def syscall(self, *_):
            return -1

    monkeypatch.setattr(confinement.ctypes, "CDLL", lambda *_, **__: Bare())
    assert confinement.confine_process() == ()
