"""Fail closed: whatever breaks, at whatever stage, no picture is written and the reason is said.

Faults are put into the real pipeline's collaborators, one at a time, and the photo goes the way
of the terminal program. The gate's own combinations are in ``test_export``.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deid_desktop import batch
from deid_desktop.core import export, weights
from deid_desktop.core.naming import Planned
from deid_desktop.core.pipeline import Pipeline, models, ranking, searching, studio
from deid_desktop.core.types import Confirmed, DeidError, Method, Request, State, Verdict
from deid_desktop.resources import resource

STAGES = {
    "detect": (models.Detector, "detect"),
    "analyse": (models.Analyser, "analyse"),
    "draw": (models.Generator, "draw_identity"),
    "generate": (models.Generator, "generate"),
    "prepare": (studio, "prepare"),
    "compose": (studio, "compose"),
    "find again": (models.Detector, "detect_near"),
    "recognise": (models.Recogniser, "embed_face"),
    "verify": (studio, "judge"),
    "redact": (Pipeline, "redact"),
    "render": (Pipeline, "render"),
    "finish": (Pipeline, "finish"),
    "confirm": (Pipeline, "confirm"),
    "gate": (export, "require_decisions"),
    "encode": (export, "_encode"),
    "write": (export, "write_durably"),
    "check": (export, "_check"),
    "publish": (export, "publish"),
}


@pytest.fixture(scope="module")
def engine():
    """The real pipeline; its models load once for all tests."""
    return Pipeline("cpu")


@pytest.fixture
def source(tmp_path):
    """A small photo with one large face."""
    path = tmp_path / "in" / "portrait.png"
    path.parent.mkdir()
    with Image.open(resource("samples", "portrait.jpg")) as image:
        image.thumbnail((360, 360))
        Image.fromarray(np.asarray(image)).save(path)
    return path


@pytest.fixture
def sure(monkeypatch):
    """A short search whose every answer passes, for faults elsewhere than in verification."""
    verdict = Verdict(State.VERIFIED, "Sure.", 0.1, 0.1, 0.4, detected_again=True)
    monkeypatch.setattr(searching, "ROUNDS", (ranking.Round(1, 1, 1),))
    monkeypatch.setattr(studio, "judge", lambda *_: verdict)


@pytest.fixture
def attempt(engine, source, tmp_path):
    """Send the photo through everything; return the outcome and the files it left."""
    out = tmp_path / "out"

    def run(method=Method.SURROGATE, **options):
        settings = batch.Settings(Request(method=method), out, (source,), **options)
        outcome = batch.redact_file(engine, Planned(source, out / source.name), settings)
        return outcome.record, sorted(path for path in out.rglob("*") if path.is_file())

    return run


def test_without_a_fault_the_photo_is_exported(attempt, source, tmp_path):
    record, files = attempt()
    assert (record.status, record.reason) == ("exported", "")
    assert files == [tmp_path / "out" / source.name]
    assert record.faces[0]["verified"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_fault_at_any_stage_writes_nothing(attempt, engine, sure, monkeypatch, stage):
    reached = []

    def fail(*_, **__):
        reached.append(stage)
        raise RuntimeError("with a secret path")

    engine._studio._analyses.clear()
    engine._studio._embeddings.clear()
    engine._studio._scenes.clear()
    monkeypatch.setattr(*STAGES[stage], fail)
    late = STAGES[stage][0] is export
    record, files = attempt(Method.SOLID if late else Method.SURROGATE)
    assert reached
    assert files == []
    assert record.status == ("failed" if late else "blocked")
    assert record.output == ""
    assert record.reason == (
        "portrait.png: an unexpected fault (RuntimeError) stopped it; report it please"
    )


@pytest.mark.parametrize("stage", ["detect", "redact", "render", "confirm", "gate", "write"])
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (DeidError("model.onnx: it is gone; install it"), "model.onnx: it is gone; install it"),
        (MemoryError(), "memory"),
        (AssertionError("with a secret path"), "unexpected fault (AssertionError)"),
    ],
)
@pytest.mark.parametrize("method", [Method.SOLID, Method.PIXELATE])
def test_masks_fail_closed_as_well(attempt, monkeypatch, stage, fault, reason, method):
    def fail(*_, **__):
        raise fault

    monkeypatch.setattr(*STAGES[stage], fail)
    record, files = attempt(method)
    assert record.status in ("blocked", "failed")
    assert files == []
    assert record.reason.startswith("portrait.png: ")
    assert reason in record.reason
    assert "secret" not in record.reason


@pytest.mark.parametrize("stage", ["analyse", "generate", "compose", "verify"])
def test_no_fallback_writes_an_untreated_face(attempt, engine, sure, monkeypatch, stage):
    def fail(*_, **__):
        raise RuntimeError

    engine._studio._analyses.clear()
    engine._studio._embeddings.clear()
    monkeypatch.setattr(*STAGES[stage], fail)
    record, files = attempt(on_failure="solid")
    masked = [face["method"] for face in record.faces] == ["solid"]
    assert (record.status, len(files)) == (("exported", 1) if masked else ("blocked", 0))


def middle(pixels, box):
    """Return the middle of a face."""
    x, y, width, height = box
    rows = slice(int(y + height / 4), int(y + 3 * height / 4))
    return pixels[rows, int(x + width / 4) : int(x + 3 * width / 4)].astype(int)


def test_a_failed_verification_blocks_or_is_masked_as_asked(attempt, sure, monkeypatch):
    verdict = Verdict(State.ATTENTION, "Still too similar.", 0.5, 0.1, 0.4, detected_again=True)
    monkeypatch.setattr(searching, "ROUNDS", (ranking.Round(1, 1, 1),))
    monkeypatch.setattr(studio, "judge", lambda *_: verdict)
    record, files = attempt()
    assert (record.status, files) == ("blocked", [])
    assert "Still too similar" in record.reason
    record, files = attempt(on_failure="solid")
    assert record.status == "exported"
    assert [face["method"] for face in record.faces] == ["solid"]
    pixels = np.asarray(Image.open(files[0]))
    x, y, width, height = record.faces[0]["box"]
    part = pixels[
        int(y + height / 4) : int(y + height / 2), int(x + width / 4) : int(x + width / 2)
    ]
    assert part.std() == 0


def test_a_face_that_is_not_found_again_blocks(attempt, monkeypatch):
    monkeypatch.setattr(searching, "ROUNDS", (ranking.Round(1, 1, 1),))
    monkeypatch.setattr(models.Detector, "detect_near", lambda *_, **__: None)
    record, files = attempt()
    assert (record.status, files) == ("blocked", [])
    assert "No face is found" in record.reason


# Stages that break without a word


def forgetful(results):
    return results[1:]


def doubling(results):
    return results * 2


def losing_layers(results):
    return tuple(replace(result, layer=None) for result in results)


def misplacing(results):
    box = (0.0, 0.0, 5.0, 5.0)
    return tuple(replace(result, face=replace(result.face, box=box)) for result in results)


def unmeasured(results):
    nan = float("nan")
    return tuple(
        replace(result, verdict=replace(result.verdict, similarity_to_original=nan))
        for result in results
    )


def strangers(results):
    return tuple(
        replace(result, verdict=replace(result.verdict, similarity_to_nearest_bystander=0.9))
        for result in results
    )


@pytest.mark.parametrize(
    ("silent", "reason"),
    [
        (forgetful, "not processed"),
        (doubling, "more than one result"),
        (losing_layers, "does not fit"),
        (misplacing, "another place"),
        (unmeasured, "too similar"),
        (strangers, "somebody else"),
    ],
)
def test_a_confirmation_that_breaks_silently_writes_nothing(
    attempt, sure, monkeypatch, silent, reason
):
    def confirm(self, photo, results, **_):
        return Confirmed(silent(tuple(results)), self.finish(photo, results))

    monkeypatch.setattr(Pipeline, "confirm", confirm)
    record, files = attempt()
    assert (record.status, files) == ("blocked", [])
    assert reason in record.reason


def test_a_picture_that_still_shows_the_original_is_caught(attempt, monkeypatch):
    monkeypatch.setattr(Pipeline, "render", lambda self, photo, results: photo.pixels.copy())
    record, files = attempt()
    assert (record.status, files) == ("blocked", [])
    assert "takes this face for the original" in record.reason


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_generator_that_answers_with_nonsense_never_shows_the_original(
    attempt, monkeypatch, source
):
    real = models.Generator.generate

    def nonsense(self, *arguments, **options):
        return [
            replace(surrogate, texture=np.full_like(surrogate.texture, np.nan))
            for surrogate in real(self, *arguments, **options)
        ]

    monkeypatch.setattr(searching, "ROUNDS", (ranking.Round(1, 1, 1),))
    monkeypatch.setattr(models.Generator, "generate", nonsense)
    record, files = attempt()
    for path in files:
        box = record.faces[0]["box"]
        before, after = (middle(np.asarray(Image.open(p)), box) for p in (source, path))
        assert np.abs(before - after).mean() > 40


def test_a_missing_model_is_named(source, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "resource", lambda *parts: tmp_path.joinpath("gone", *parts))
    weights.checksums.cache_clear()
    settings = batch.Settings(Request(), tmp_path / "out", (source,))
    target = Planned(source, tmp_path / "out" / "portrait.png")
    record = batch.redact_file(Pipeline("cpu"), target, settings).record
    weights.checksums.cache_clear()
    assert record.status == "blocked"
    assert "the model cannot be read" in record.reason
    assert "install Deid Desktop again" in record.reason
    assert not Path(tmp_path / "out").exists()


def test_a_photo_without_faces_is_not_a_way_around(attempt, monkeypatch):
    monkeypatch.setattr(models.Detector, "detect", lambda *_, **__: ())
    record, files = attempt(require_faces=True)
    assert (record.status, files) == ("blocked", [])
