"""The terminal program takes clips among its inputs and says of each what became of it."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from deid_desktop import cli
from deid_desktop.clips import choose_sound, redact_clips, split
from deid_desktop.core.types import Method, Request
from tests.video.clips import moving_bar, write_clip


def test_clips_are_told_from_photos_by_their_names():
    clips, rest = split([Path("a.JPG"), Path("b.MP4"), Path("folder"), Path("c.webm")])
    assert [path.name for path in clips] == ["b.MP4", "c.webm"]
    assert [path.name for path in rest] == ["a.JPG", "folder"]


def test_sound_is_dropped_where_nobody_answers():
    said = []
    assert choose_sound("keep", tell=said.append) == "keep"
    assert not said
    assert choose_sound(None, tell=said.append) == "drop"
    assert "--audio" in said[0]


def test_two_clips_with_one_output_and_a_bad_one_are_each_named(tmp_path):
    first = write_clip(tmp_path / "a.mp4", moving_bar(4))
    (tmp_path / "other").mkdir()
    second = write_clip(tmp_path / "other" / "a.mkv", moving_bar(4), codec="libvpx-vp9")
    bad = tmp_path / "b.mov"
    bad.write_text("no video")
    said = []
    records = redact_clips(
        None, [first, second, bad], tmp_path / "other", Request(), sound="drop", overwrite=False,
        tell=said.append,
    )  # fmt: skip
    assert [record["status"] for record in records] == ["exported", "failed", "failed"]
    assert "a.mkv: another input, a.mp4, has the same output" in said[1]
    assert "b.mov: this is no video" in said[2]


def test_without_pyav_the_program_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("deid_desktop.video.find_spec", lambda name: None)
    (record,) = redact_clips(
        None, [tmp_path / "a.mp4"], tmp_path, Request(), sound="drop", overwrite=False, tell=print
    )
    assert "pip install 'deid-desktop[video]'" in record["reason"]


def test_redact_writes_a_clip_and_tells_of_it_in_the_report(tmp_path, capsys):
    source = write_clip(tmp_path / "a.mp4", moving_bar(8), sound=np.zeros(15360))
    out, report = tmp_path / "out", tmp_path / "report.json"
    arguments = ["redact", str(source), "--out", str(out), "--report", str(report)]
    assert cli.main([*arguments, "--method", str(Method.SOLID), "--audio", "keep"]) == 0
    assert "1 clip: 1 exported, 0 blocked, 0 failed" in capsys.readouterr().out
    (clip,) = json.loads(report.read_text())["clips"]
    assert (clip["frames"], clip["sound"], clip["output"]) == (8, "keep", "a.mp4")
    assert [path.name for path in out.iterdir()] == ["a.mp4"]
    assert "av" in sys.modules
    assert cli.main([*arguments[:4], "--audio", "drop"]) == 1
    assert "taken" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["deid_desktop.cli", "deid_desktop.clips"])
def test_the_program_starts_without_pyav(module):
    import subprocess

    code = f"import sys; sys.modules['av'] = None; import {module}"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
