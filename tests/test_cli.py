"""The terminal program: what it writes, what it says, and its exit status."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import types
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from deid_desktop import __version__, cli
from deid_desktop.core import scan
from deid_desktop.core.run import Survey
from deid_desktop.core.types import (
    DeidError,
    Face,
    FaceResult,
    Identity,
    Keep,
    Method,
    Role,
    State,
    Verdict,
)
from deid_desktop.resources import resource


class Paint:
    def apply(self, pixels):
        pixels[:] = 0


class FakePipeline:
    """Finds one face in every photo that is not black; the first pixel's red decides its fate."""

    device = "cpu"
    made: ClassVar[list] = []
    requests: ClassVar[list] = []
    roles: ClassVar[list] = []
    sittings: ClassVar[list] = []
    kept: ClassVar[list] = []
    surveyed: ClassVar[list] = []

    def __init__(self, device="auto"):
        self.made.append(device)
        if device == "cuda":
            raise DeidError("CUDA was asked for but is not there; choose --device auto")

    def survey(self, photo):
        count = int(photo.pixels.any())
        self.surveyed.append(photo.name)
        return Survey(photo.key, self.faces(count), np.eye(count, 128, dtype=np.float32))

    def cast(self, sittings, request):
        self.sittings.append(sittings)
        return Identity((1, 2), (0.5, 0.5), request.seed)

    def faces(self, count):
        return (Face(0, (1.0, 1.0, 4.0, 4.0), np.zeros((5, 2), np.float32), 0.9),) * count

    def redact_photo(
        self, photo, request, *, faces=None, roles=None, on_failure="block", keep=None
    ):
        self.kept.append(keep)
        self.roles.append(roles)
        self.requests.append((request, on_failure))
        if photo.pixels[0, 0, 1] == 99:
            raise KeyboardInterrupt
        if photo.pixels[0, 0, 1] == 66:
            raise RuntimeError("a secret path in here")
        faces = results = ()
        if photo.pixels.any():
            faces = self.faces(1)
            (face,) = faces
            bad = photo.pixels[0, 0, 1] == 33
            state = State.ATTENTION if bad else State.MASKED
            if request.method is Method.SURROGATE and not bad:
                state = State.VERIFIED
            verdict = Verdict(state, "Still too similar.", 0.1, 0.2, 0.4, True)
            role = roles[0] if roles else Role(0, request)
            result = FaceResult(face, request, verdict, None if bad else Paint(), attempts=8)
            results = (replace(result, person=role.person, cluster=role.cluster),)
        pixels = 255 - photo.pixels
        return types.SimpleNamespace(
            photo=photo, faces=faces, results=results, pixels=pixels, space="sRGB", notes=()
        )


@pytest.fixture
def fake(monkeypatch):
    module = types.ModuleType("deid_desktop.core.pipeline")
    module.Pipeline = FakePipeline
    monkeypatch.setitem(sys.modules, "deid_desktop.core.pipeline", module)
    monkeypatch.setattr(FakePipeline, "made", [])
    for name in ("requests", "kept", "roles", "sittings", "surveyed"):
        monkeypatch.setattr(FakePipeline, name, [])
    return FakePipeline


def picture(path, green=200):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 8), (200 if green else 0, green, 0)).save(path)
    return path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def run(*arguments):
    return cli.main(["redact", *map(str, arguments)])


def test_a_photo_goes_through(tmp_path, fake, capsys):
    source = picture(tmp_path / "in" / "photo.jpg")
    before = source.read_bytes()
    assert run(source, "--out", tmp_path / "out") == 0
    assert names(tmp_path / "out") == ["photo.jpg"]
    assert scan.foreign_parts((tmp_path / "out" / "photo.jpg").read_bytes()) == []
    assert source.read_bytes() == before
    streams = capsys.readouterr()
    assert streams.out == "1 photo: 1 exported, 0 blocked, 0 failed\n"
    assert streams.err == ""


def test_every_option_reaches_the_pipeline(tmp_path, fake):
    source = picture(tmp_path / "photo.jpg")
    options = "--k 7 --seed 3 --gender -0.5 --age 40 --expression happy --ancestry black"
    options += " --on-failure solid --device cpu --colours keep --transparency white"
    assert run(source, "--out", tmp_path / "out", *options.split()) == 0
    ((request, on_failure),) = fake.requests
    assert request.method is Method.SURROGATE
    assert (request.k, request.seed) == (7, 3)
    attributes = request.attributes
    assert (attributes.gender, attributes.age) == (-0.5, 40)
    assert (attributes.expression, attributes.ancestry) == ("happy", "black")
    assert on_failure == "solid"
    assert fake.kept == [Keep(colours=True, transparency=False)]
    assert fake.made == ["cpu"]


@pytest.mark.parametrize(
    "wrong",
    [
        "--k 1",
        "--age 17",
        "--age 81",
        "--age nan",
        "--gender 1.1",
        "--seed -1",
        "--method keep",
        "--expression bored",
        "--jobs 0",
        "--k many",
    ],
)
def test_wrong_usage_is_status_2(tmp_path, fake, capsys, wrong):
    with pytest.raises(SystemExit) as caught:
        run(picture(tmp_path / "a.jpg"), "--out", tmp_path / "out", *wrong.split())
    assert caught.value.code == 2
    assert not (tmp_path / "out").exists()
    assert wrong.split()[0] in capsys.readouterr().err


def test_the_others_go_on_and_each_fault_is_one_sentence(tmp_path, fake, capsys):
    folder = tmp_path / "in"
    picture(folder / "a_good.png")
    picture(folder / "b_blocked.png", green=33)
    (folder / "c_text.jpg").write_text("Dear editor")
    (folder / "d_empty.jpg").write_bytes(b"")
    picture(folder / "e_fault.png", green=66)
    picture(folder / "f_good.png")
    (tmp_path / "nothing").mkdir()
    report = tmp_path / "report.json"
    out = tmp_path / "out"
    assert run(
        folder, tmp_path / "nothing", tmp_path / "gone.jpg", "--out", out, "--report", report
    )
    assert names(out) == ["a_good.png", "f_good.png"]
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        [
            "nothing",
            "the folder holds no photos; choose a folder with JPEG, PNG, TIFF, WebP, "
            "AVIF, HEIC, RAW, BMP or GIF files",
        ],
        ["blocked", "b_blocked.png"],
        ["failed", "c_text.jpg"],
        ["failed", "d_empty.jpg"],
        ["blocked", "e_fault.png"],
        ["failed", "gone.jpg"],
    ]
    assert not any("secret" in line for line in lines)
    photos = json.loads(report.read_text("utf-8"))["photos"]
    assert [(photo["input"], photo["status"]) for photo in photos] == [
        ("nothing", "failed"),
        ("a_good.png", "exported"),
        ("b_blocked.png", "blocked"),
        ("c_text.jpg", "failed"),
        ("d_empty.jpg", "failed"),
        ("e_fault.png", "blocked"),
        ("f_good.png", "exported"),
        ("gone.jpg", "failed"),
    ]
    assert photos[1]["output"] == "a_good.png"
    assert photos[2]["output"] == ""
    assert photos[2]["faces"][0]["verified"] is False
    assert "Still too similar" in photos[2]["reason"]


def test_the_seed_is_a_secret_that_the_report_tells_unless_it_is_chosen(tmp_path, fake):
    source = picture(tmp_path / "photo.jpg")
    told = []
    for number, chosen in enumerate([[], [], ["--seed", 7]]):
        report = tmp_path / f"{number}.json"
        assert run(source, "--out", tmp_path / str(number), "--report", report, *chosen) == 0
        told.append(json.loads(report.read_text("utf-8"))["seed"])
    assert told == [request.seed for request, _ in fake.requests]
    assert told[0] != told[1] and told[2] == 7
    report = tmp_path / "again.json"
    assert run(source, "--out", tmp_path / "again", "--report", report, "--seed", told[0]) == 0
    assert fake.requests[-1] == fake.requests[0]


def test_the_report_has_the_promised_fields(tmp_path, fake):
    report = tmp_path / "report.json"
    source = picture(tmp_path / "photo.jpg")
    assert run(source, "--out", tmp_path / "out", "--report", report) == 0
    document = json.loads(report.read_text("utf-8"))
    assert document["version"] == __version__
    assert document["device"] == "cpu"
    assert list(document["photos"][0]) == ["input", "output", "status", "reason", "faces"]
    assert list(document["photos"][0]["faces"][0]) == [
        *(
            "id",
            "person",
            "cluster",
            "box",
            "method",
            "k",
            "seed",
            "attributes",
            "similarity_to_original",
        ),
        *("similarity_to_nearest_donor", "similarity_to_nearest_bystander"),
        *("threshold", "bystander_threshold", "verified", "attempts"),
    ]
    assert str(tmp_path) not in report.read_text("utf-8")


@pytest.mark.parametrize("name", ["report.txt", "gone/report.json", "taken.json"])
def test_a_bad_place_for_the_report_is_said_before_the_work(tmp_path, fake, capsys, name):
    (tmp_path / "taken.json").write_text("earlier")
    source = picture(tmp_path / "photo.jpg")
    assert run(source, "--out", tmp_path / "out", "--report", tmp_path / name) == 1
    assert fake.requests == []
    assert "; " in capsys.readouterr().err


def test_without_a_face_it_is_cleaned_with_a_warning_or_blocked(tmp_path, fake, capsys):
    source = picture(tmp_path / "empty.png", green=0)
    assert run(source, "--out", tmp_path / "out") == 0
    assert "own eyes" in capsys.readouterr().err
    assert run(source, "--out", tmp_path / "strict", "--require-faces") == 1
    assert names(tmp_path / "strict") == []
    assert "no face was found" in capsys.readouterr().err


def test_folders_keep_their_structure_and_names_never_collide(tmp_path, fake, capsys):
    folder = tmp_path / "in"
    picture(folder / "x.png")
    picture(folder / "sub" / "x.png")
    other = picture(tmp_path / "other" / "X.png")
    moving = picture(tmp_path / "other" / "moving.gif")
    out = tmp_path / "out"
    assert run(folder, other, moving, "--out", out) == 1
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*"))
    assert found == ["moving.png", "sub/x.png", "x.png"]
    streams = capsys.readouterr()
    assert "same output" in streams.err
    assert "written as moving.png" in streams.err


def test_outputs_within_the_input_folder_are_no_inputs(tmp_path, fake):
    picture(tmp_path / "x.png")
    assert run(tmp_path, "--out", tmp_path / "out") == 0
    assert run(tmp_path, "--out", tmp_path / "out", "--overwrite") == 0
    assert len(fake.requests) == 2


def test_a_photo_named_twice_is_done_once(tmp_path, fake):
    source = picture(tmp_path / "in" / "x.png")
    assert run(source, source.parent, source, "--out", tmp_path / "out") == 0
    assert len(fake.requests) == 1


def test_the_original_and_existing_outputs_stay(tmp_path, fake, capsys):
    source = picture(tmp_path / "x.png")
    before = source.read_bytes()
    assert run(source, "--out", tmp_path, "--overwrite") == 1
    assert source.read_bytes() == before
    assert "over an original" in capsys.readouterr().err
    assert run(source, "--out", tmp_path / "out") == 0
    assert run(source, "--out", tmp_path / "out") == 1
    assert "exists already" in capsys.readouterr().err
    assert run(source, "--out", tmp_path / "out", "--overwrite") == 0


def test_an_output_folder_that_cannot_be_is_one_sentence(tmp_path, fake, capsys):
    source = picture(tmp_path / "x.png")
    assert run(source, "--out", source) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "x.png: the output folder cannot be made (File exists); choose another"


def test_a_device_that_is_not_there(tmp_path, fake, capsys):
    assert run(picture(tmp_path / "x.png"), "--out", tmp_path / "o", "--device", "cuda") == 1
    assert capsys.readouterr().err == "CUDA was asked for but is not there; choose --device auto\n"


def test_blur_is_answered_with_advice(tmp_path, fake, capsys):
    run(picture(tmp_path / "x.png"), "--out", tmp_path / "out", "--method", "blur")
    assert "solid is safe" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_names_cannot_deceive_the_terminal(tmp_path, fake, capsys):
    path = tmp_path / "a\x1b[2J\nexported: all\u202egpj.jpg"
    path.write_text("no photo")
    run(path, "--out", tmp_path / "out")
    (line,) = capsys.readouterr().err.splitlines()
    assert "\\x1b[2J\\nexported: all\\u202egpj.jpg" in line


@pytest.mark.parametrize(
    "name", ["x" * 4000 + ".png", "x" * 251 + ".heic", "-x.png", "a\u202egpj.png", "a\nb.png", " "]
)
def test_odd_names_cost_one_sentence_at_most(tmp_path, fake, capsys, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        picture(Path("in") / f"{name.removesuffix('.heic')}.png").rename(Path("in") / name)
    except OSError:
        Path("in").mkdir(exist_ok=True)
    status = run(Path("in") / name, "--out", "out", "--report", "report.json")
    lines = capsys.readouterr().err.splitlines()
    written = names(Path("out"))
    assert (status, len(written)) in ((0, 1), (1, 0))
    assert len(lines) <= 1
    assert all("\u202e" not in line for line in lines)
    (photo,) = json.loads(Path("report.json").read_text("utf-8"))["photos"]
    assert photo["input"].strip() == name.strip()


def test_stopping_keeps_what_is_done_and_names_the_rest(tmp_path, fake, capsys):
    folder = tmp_path / "in"
    picture(folder / "a.png")
    picture(folder / "b.png", green=99)
    picture(folder / "c.png")
    report = tmp_path / "report.json"
    assert run(folder, "--out", tmp_path / "out", "--report", report) == 1
    assert names(tmp_path / "out") == ["a.png"]
    photos = json.loads(report.read_text("utf-8"))["photos"]
    assert [photo["status"] for photo in photos] == ["exported", "failed", "failed"]
    assert "stopped" in capsys.readouterr().err


def test_models_are_listed_and_checked(capsys, monkeypatch):
    assert cli.main(["models"]) == 0
    assert "face_recognition_sface_2021dec.onnx" in capsys.readouterr().out

    def broken(name):
        raise DeidError(f"{name}: the model is not the one that was shipped")

    monkeypatch.setattr(cli, "model_path", broken)
    assert cli.main(["models"]) == 1
    assert "not the one" in capsys.readouterr().err


def program(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "deid_desktop", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def test_the_program_starts():
    assert program("--version").stdout == f"deid-desktop {__version__}\n"
    assert program("--nonsense").returncode == 2
    assert "exit status" in program("redact", "--help").stdout


def test_whoever_has_read_enough_gets_no_traceback():
    command = [sys.executable, "-m", "deid_desktop", "models"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    running.stdout.close()
    errors = running.stderr.read()
    assert running.wait() == 1
    assert errors == b""


@pytest.fixture
def portraits(tmp_path):
    """Six small photos that differ, each with one face."""
    folder = tmp_path / "in"
    folder.mkdir()
    with Image.open(resource("samples", "portrait.jpg")) as image:
        image.thumbnail((360, 360))
        pixels = np.asarray(image)
    for number in range(6):
        left = 4 * number
        part = pixels[:, left : pixels.shape[1] - 20 + left]
        Image.fromarray(part).save(folder / f"{number}.png")
    return folder


def test_several_processes_write_the_same_bytes_and_keep_the_terminal_clean(tmp_path, portraits):
    (portraits / "3.png").write_bytes(b"no photo")
    written = []
    for jobs in ("1", "2"):
        out, report = tmp_path / jobs, tmp_path / f"{jobs}.json"
        options = ("--method", "solid", "--seed", "3", "--jobs", jobs, "--report", report)
        done = program("redact", portraits, "--out", out, *options)
        assert done.returncode == 1
        assert done.stdout == "6 photos: 5 exported, 0 blocked, 1 failed\n"
        (line,) = done.stderr.splitlines()  # nothing of OpenCV, nothing of a progress bar
        assert line.startswith("failed: 3.png: ")
        files = {path.name: path.read_bytes() for path in sorted(out.iterdir())}
        assert list(files) == ["0.png", "1.png", "2.png", "4.png", "5.png"]
        written.append((files, report.read_text("utf-8")))
    assert written[0] == written[1]
    faces = [photo["faces"] for photo in json.loads(written[0][1])["photos"]]
    assert [len(found) for found in faces] == [1, 1, 1, 0, 1, 1]


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no process groups of this kind")
@pytest.mark.parametrize(("jobs", "late"), [("1", True), ("2", True), ("2", False)])
def test_stopping_leaves_nothing_half_written(tmp_path, portraits, jobs, late):
    out = tmp_path / "out"
    for number in range(6, 80):  # enough that the signal comes before the end
        shutil.copy(portraits / f"{number % 6}.png", portraits / f"{number}.png")
    command = [sys.executable, "-m", "deid_desktop", "redact", portraits, "--out", out]
    command += ["--method", "solid", "--jobs", jobs]
    running = subprocess.Popen(
        list(map(str, command)), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while running.poll() is None and not (any(out.glob("*.png")) if late else out.exists()):
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGINT)
    _, errors = running.communicate(timeout=120)
    assert running.returncode == 1
    assert errors == "stopped\n"
    files = list(out.iterdir())
    assert late <= len(files) < 80
    for path in files:
        assert path.suffix == ".png"
        assert scan.foreign_parts(path.read_bytes()) == []


def test_without_a_command_the_window_opens(monkeypatch):
    from deid_desktop import __main__

    opened = []
    module = types.ModuleType("deid_desktop.app")
    module.run = lambda paths: opened.append(paths) or 0
    monkeypatch.setitem(sys.modules, "deid_desktop.app", module)
    for arguments in ([], ["a.jpg", "b.jpg"]):
        monkeypatch.setattr(sys, "argv", ["deid-desktop", *arguments])
        assert __main__.main() == 0
    assert opened == [[], [Path("a.jpg"), Path("b.jpg")]]


# People over several photos


def test_a_person_gets_one_identity_in_all_photos(tmp_path, fake):
    photos = [picture(tmp_path / name) for name in ("a.png", "b.png")]
    assert run(*photos, "--out", tmp_path / "out", "--seed", 5) == 0
    (sittings,) = fake.sittings
    assert [sitting.photo.name for sitting in sittings] == ["a.png", "b.png"]
    first, second = (roles[0] for roles in fake.roles)
    assert first.identity == second.identity == Identity((1, 2), (0.5, 0.5), 5)
    assert (first.person, second.person) == (0, 0)


def test_or_a_new_one_in_each(tmp_path, fake):
    photos = [picture(tmp_path / name) for name in ("a.png", "b.png")]
    assert run(*photos, "--out", tmp_path / "out", "--people", "each") == 0
    first, second = (roles[0] for roles in fake.roles)
    assert fake.sittings == []
    assert first.identity is second.identity is None
    assert first.request.seed != second.request.seed
    assert (first.person, second.person) == (0, 0)


def test_masks_need_no_survey(tmp_path, fake):
    photos = [picture(tmp_path / name) for name in ("a.png", "b.png")]
    assert run(*photos, "--out", tmp_path / "out", "--method", "solid") == 0
    assert fake.surveyed == []
    assert fake.roles == [None, None]


def test_a_file_that_changes_during_the_run_is_held_back(tmp_path, fake, monkeypatch, capsys):
    photos = [picture(tmp_path / name) for name in ("a.png", "b.png")]
    cast = fake.cast

    def swap(self, sittings, request):
        picture(photos[1], green=150)
        return cast(self, sittings, request)

    monkeypatch.setattr(fake, "cast", swap)
    assert run(*photos, "--out", tmp_path / "out") == 1
    assert names(tmp_path / "out") == ["a.png"]
    assert "b.png: the file changed meanwhile" in capsys.readouterr().err


def test_where_no_identity_holds_nothing_is_exported(tmp_path, fake, monkeypatch):
    photos = [picture(tmp_path / name) for name in ("a.png", "b.png")]
    monkeypatch.setattr(fake, "cast", lambda *_: None)
    run(*photos, "--out", tmp_path / "out")
    assert all("No surrogate was found" in roles[0].refused for roles in fake.roles)


# k-Same


def apart(monkeypatch, fake):
    """Let every photo show somebody else."""
    numbers = iter(range(128))

    def survey(self, photo):
        own = np.eye(128, dtype=np.float32)[[next(numbers)]]
        return Survey(photo.key, self.faces(1), own)

    monkeypatch.setattr(fake, "survey", survey)


def test_k_same_shares_an_identity_and_certifies_it(tmp_path, fake, monkeypatch, capsys):
    apart(monkeypatch, fake)
    photos = [picture(tmp_path / name) for name in ("a.png", "b.png", "c.png")]
    report = tmp_path / "report.json"
    assert run(*photos, "--out", tmp_path / "out", "--k-same", 3, "--report", report) == 0
    assert json.loads(report.read_text())["k_same"] == {
        "k": 3, "people": 3, "clusters": 1, "smallest_cluster": 3, "smallest_exported": 3,
        "holds": True,
    }  # fmt: skip
    assert len({roles[0].identity for roles in fake.roles}) == 1
    assert [roles[0].cluster for roles in fake.roles] == [0, 0, 0]
    assert "3 people in 1 clusters, the smallest of 3" in capsys.readouterr().out


def test_a_cluster_that_lost_people_is_not_certified(tmp_path, fake, monkeypatch, capsys):
    apart(monkeypatch, fake)
    photos = [picture(tmp_path / "a.png"), picture(tmp_path / "b.png", green=33)]
    assert run(*photos, "--out", tmp_path / "out", "--k-same", 2) == 1
    assert "too few for the guarantee" in capsys.readouterr().out


def test_k_same_with_too_few_people_writes_nothing(tmp_path, fake, monkeypatch, capsys):
    apart(monkeypatch, fake)
    photos = [picture(tmp_path / name) for name in ("a.png", "b.png")]
    assert run(*photos, "--out", tmp_path / "out", "--k-same", 3) == 1
    assert "needs as many people at least, and 2 were found" in capsys.readouterr().err
    assert names(tmp_path / "out") == []


@pytest.mark.parametrize("wrong", ["--method solid", "--people each", "--dask tcp://127.0.0.1:9"])
def test_k_same_does_not_go_with_what_breaks_it(tmp_path, fake, capsys, wrong):
    source = picture(tmp_path / "a.png")
    assert run(source, "--out", tmp_path / "out", "--k-same", 2, *wrong.split()) == 1
    assert f"does not go with {wrong.split(' tcp')[0]}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
