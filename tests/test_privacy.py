"""Privacy at rest and no network: the programs are watched from outside while they work.

Two watchers: Python's own audit hook sees whatever Python code opens and sends, everywhere;
strace, where there is one, sees every call of the system, those of Qt and torch as well.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deid_desktop.core import scan
from deid_desktop.core.captions import Words, packet
from deid_desktop.core.encoders import encode
from deid_desktop.resources import resource

HOOK = """
import os, sys
_log = os.open(os.environ["WATCH_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
def _watch(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        mode, flags = arguments[1] or "", arguments[2] or 0
        if not (set(mode) & set("wax+") or flags & _WRITES):
            return
    elif not event.startswith(("os.rename", "os.link", "os.symlink", "os.mkdir", "os.truncate",
                               "shutil.", "tempfile.", "socket.", "urllib.", "http.", "ftplib.")):
        return
    os.write(_log, (event + " " + repr(arguments[:2]) + "\\n").encode("utf-8", "replace"))
sys.addaudithook(_watch)
"""
WINDOW = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from deid_desktop import app

class Document(app.Document):
    def accept_result(self, *arguments):
        super().accept_result(*arguments)
        QTimer.singleShot(500, QApplication.quit)

if __name__ == "__main__":
    app.Document = Document
    sys.exit(app.run([Path(sys.argv[1])]))
"""
# Locks of multiprocessing; they hold a number.
HARMLESS = re.compile(r"/dev/(null|tty|shm/sem\..*)")


@pytest.fixture
def place(tmp_path):
    """Folders for everything a program may write to, a photo, and an environment that uses them."""
    for name in ("home", "tmp", "work", "in", "out", "hook"):
        (tmp_path / name).mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(HOOK)
    with Image.open(resource("samples", "portrait.jpg")) as image:
        image.thumbnail((300, 300))
        Image.fromarray(np.asarray(image)).save(tmp_path / "in" / "source-7f3a.png")
    return tmp_path


def watched(place, *command):
    """Run a program in Python; return the events of the audit hook."""
    log = place / "log"
    root = Path(__file__).resolve().parent.parent
    environment = {
        **os.environ,
        "HOME": str(place / "home"),
        "TMPDIR": str(place / "tmp"),
        "PYTHONPATH": os.pathsep.join((str(place / "hook"), str(root))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "QT_QPA_PLATFORM": "offscreen",
        "WATCH_LOG": str(log),
    }
    for name in [name for name in environment if name.startswith("XDG_")]:
        del environment[name]
    done = subprocess.run(
        [*map(str, command)],
        cwd=place / "work",
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return log.read_text().splitlines()


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def redact(place, *options):
    inputs = (place / "in", "--out", place / "out", "--report", place / "out" / "report.json")
    return ("-m", "deid_desktop", "redact", *inputs, *options)


def elsewhere(events):
    """Leave out the open photo that is handed to the reading process, over a pipe of its own."""
    handed = re.compile(r"socket\.sendmsg \(<socket\.socket .*family=(1|.*AF_UNIX).*>, None\)")
    return [event for event in events if not handed.fullmatch(event)]


def judge_events(place, events):
    """Only the outputs are opened for writing; nothing is sent anywhere."""
    assert any("/out/" in event for event in events)
    for event in elsewhere(events):
        kind, _, what = event.partition(" ")
        assert not kind.startswith(("socket.c", "socket.g", "socket.s", "socket.b")), event
        assert not kind.startswith(("urllib", "http", "ftplib", "tempfile")), event
        if kind in ("open", "os.rename", "os.link", "os.mkdir"):
            assert f"{place}/out" in what or HARMLESS.search(what), event


def judge_folders(place, *, outputs):
    """Nothing is left in the home, the temporary or the working folder."""
    assert files(place / "tmp") == files(place / "work") == []
    assert files(place / "out") == outputs
    return files(place / "home")


def test_redacting_writes_the_outputs_and_nothing_else(place):
    events = watched(place, sys.executable, *redact(place))
    judge_events(place, events)
    assert judge_folders(place, outputs=["report.json", "source-7f3a.png"]) == []
    report = json.loads((place / "out" / "report.json").read_text())
    assert report["photos"][0]["faces"][0]["verified"]
    assert str(place) not in json.dumps(report)


def test_several_processes_write_the_outputs_and_nothing_else(place):
    shutil.copy(place / "in" / "source-7f3a.png", place / "in" / "second.png")
    events = watched(place, sys.executable, *redact(place, "--jobs", "2", "--method", "solid"))
    judge_events(place, events)
    outputs = ["report.json", "second.png", "source-7f3a.png"]
    assert judge_folders(place, outputs=outputs) == []


WORDS = ("--credit", "A. Name", "--caption", "Two people", "--colours", "keep")


def wide_cut_out(place):
    """Make the photo a cut-out in Display P3, whose hidden part must reach no disk."""
    path = place / "in" / "source-7f3a.png"
    with Image.open(path) as image:
        pixels = np.dstack([np.asarray(image), np.full(image.size[::-1], 255, np.uint8)])
    pixels[:20, :, 3] = 0
    path.write_bytes(encode(pixels, "PNG", space="Display P3"))


def test_words_wide_colours_and_transparency_go_into_the_output_alone(place):
    wide_cut_out(place)
    events = watched(place, sys.executable, *redact(place, *WORDS))
    judge_events(place, events)
    assert judge_folders(place, outputs=["report.json", "source-7f3a.png"]) == []
    data = (place / "out" / "source-7f3a.png").read_bytes()
    assert scan.foreign_parts(data, words=packet(Words("A. Name", "Two people"))) == []
    assert b"A. Name" not in (place / "out" / "report.json").read_bytes()


def test_inspecting_writes_nothing_and_sends_nothing(place):
    command = ("-m", "deid_desktop", "inspect", place / "in", "--location")
    for event in elsewhere(watched(place, sys.executable, *command)):
        kind, _, what = event.partition(" ")
        assert kind in ("open", "socket.__new__"), event
        if kind == "open":
            assert HARMLESS.search(what), event
    assert judge_folders(place, outputs=[]) == []


def judge_window(place):
    """The window's settings are all it leaves, and they name no photo."""
    left = judge_folders(place, outputs=[])
    assert all("deid-desktop" in name for name in left)
    for name in left:
        content = (place / "home" / name).read_bytes()
        assert b"source-7f3a" not in content
        assert str(place / "in").encode() not in content


@pytest.mark.skipif(sys.platform != "linux", reason="settings lie elsewhere on other systems")
def test_the_window_writes_its_settings_and_nothing_else(place):
    (place / "window.py").write_text(WINDOW)
    photo = place / "in" / "source-7f3a.png"
    events = watched(place, sys.executable, place / "window.py", photo)
    for event in elsewhere(events):
        kind, _, what = event.partition(" ")
        assert kind in ("open", "socket.__new__", "os.mkdir"), event
        if kind == "open":
            assert HARMLESS.search(what), event
    judge_window(place)


# The same from outside Python


def can(*command):
    return (
        shutil.which(command[0]) is not None
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


STRACE = ("strace", "-f", "-qq", "-s", "4096", "-e", "trace=%file,%net,memfd_create,seccomp", "-o")
strace = pytest.mark.skipif(
    not can(*STRACE, os.devnull, "true"), reason="strace is not installed or may not watch"
)
WRITE = re.compile(r'(?:open|openat|creat)\(.*"(.*)".*O_(?:WRONLY|RDWR|CREAT)')
SEND = re.compile(r"(connect|sendto|sendmsg|bind)\(.*sa_family=AF_(INET|INET6|NETLINK|PACKET)")


def calls(place, *command):
    """Run a program under strace, cut off from every network where that is allowed."""
    apart = ("unshare", "-rn") if can("unshare", "-rn", "true") else ()
    trace = place / "trace"
    watched(place, *apart, *STRACE, trace, sys.executable, *command)
    return trace.read_text(errors="replace").splitlines()


@strace
def test_the_system_sees_no_other_file_and_no_network_when_redacting(place):
    trace = calls(place, *redact(place))
    assert [line for line in trace if SEND.search(line)] == []
    written = {found.group(1) for line in trace if (found := WRITE.search(line))}
    own = {path for path in written if not HARMLESS.fullmatch(path)} - {str(place / "log")}
    assert own
    assert all(path.startswith(f"{place}/out/") for path in own), own


@strace
def test_the_reading_process_opens_nothing_once_it_is_confined(place):
    """From the photo that is handed over on, the system sees no file and no connection of it."""
    wide_cut_out(place)
    trace = calls(place, *redact(place, "--method", "solid", *WORDS))
    confined = {line.split()[0] for line in trace if "SECCOMP_SET_MODE_FILTER" in line}
    if not confined:
        pytest.skip("this system has no seccomp filter for us")
    for reader in confined:
        own = [line for line in trace if line.split()[0] == reader]
        start = next(i for i, line in enumerate(own) if "SECCOMP_SET_MODE_FILTER" in line)
        after = [
            line for line in own[start + 1 :] if re.search(r"open|socket\(|connect|exec", line)
        ]
        assert [line for line in after if "EPERM" not in line and "EACCES" not in line] == []
        assert any("recvmsg" in line for line in own[start:])


@strace
def test_the_system_sees_no_other_file_and_no_network_of_the_window(place):
    (place / "window.py").write_text(WINDOW)
    trace = calls(place, place / "window.py", place / "in" / "source-7f3a.png")
    assert [line for line in trace if SEND.search(line)] == []
    written = {found.group(1) for line in trace if (found := WRITE.search(line))}
    own = {path for path in written if not HARMLESS.fullmatch(path)} - {str(place / "log")}
    assert all(path.startswith(f"{place}/home/.config/deid-desktop") for path in own), own
    judge_window(place)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_no_crash_leaves_a_core_dump():
    code = (
        "import resource, ctypes, sys\n"
        # As much as the parent leaves: a test before this one may have forbidden dumps already.
        "hard = resource.getrlimit(resource.RLIMIT_CORE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))\n"
        "from deid_desktop.core.hardening import forbid_core_dumps\n"
        "forbid_core_dumps()\n"
        "dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) if sys.platform == 'linux' else 0\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), dumpable)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "(0, 0) 0\n"
