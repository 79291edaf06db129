"""An altered voice has the pitch that was drawn, and every syllable where and as loud as it was."""

import numpy as np
import pytest

from deid_desktop.video.voice import RATE, Change, Voice, draw_change

CHANGES = [
    Change(2 ** (sign * semitones / 12), 1.15**sign)
    for sign in (-1, 1)
    for semitones in (3, 3.5, 4, 4.5, 5)
]


def hum(seconds, pitch=120):
    """Return a voice-like sound whose loudness comes and goes three times a second."""
    time = np.arange(round(seconds * RATE)) / RATE
    partials = sum(np.cos(2 * np.pi * k * pitch * time) / k for k in range(1, 25))
    return (0.12 * partials * (0.5 - 0.5 * np.cos(2 * np.pi * 3.3 * time))).astype(np.float32)


def changed(samples, change, block=1000):
    voice = Voice(change)
    blocks = [samples[at : at + block] for at in range(0, len(samples), block)]
    return np.concatenate([*map(voice.feed, blocks), voice.finish()])


def loudness(samples):
    """Return the mean level of every 20 ms."""
    return np.abs(samples[: len(samples) // 960 * 960]).reshape(-1, 960).mean(1)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.pitch:.3f}")
def test_loudness_stays_where_and_as_it_was(change):
    before = hum(2)
    after = changed(before, change)
    assert len(after) == len(before)
    assert np.corrcoef(loudness(before), loudness(after))[0, 1] > 0.98
    assert 0.8 < loudness(after).sum() / loudness(before).sum() < 1.25


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.pitch:.3f}")
def test_the_pitch_is_the_one_that_was_drawn(change):
    part = changed(hum(1), change)[9600:28800]
    echo = np.correlate(part, part, "full")[len(part) - 1 :]
    low, high = round(RATE / 200), round(RATE / 75)
    pitch = RATE / (low + np.argmax(echo[low:high]))
    assert pitch == pytest.approx(120 * change.pitch, rel=0.02)


def test_it_does_not_matter_how_the_sound_is_cut_into_blocks():
    sound = hum(0.5)
    one, other = (changed(sound, CHANGES[3], block) for block in (500, 7001))
    assert np.array_equal(one, other)


def test_what_is_drawn_is_never_small_and_goes_both_ways():
    drawn = [draw_change() for _ in range(200)]
    semitones = np.array([12 * np.log2(change.pitch) for change in drawn])
    assert (np.abs(semitones) >= 3 - 1e-9).all() and (np.abs(semitones) <= 5 + 1e-9).all()
    assert (semitones > 0).any() and (semitones < 0).any()
    formants = np.array([change.formants for change in drawn])
    assert ((formants > 1) == (semitones > 0)).all()
