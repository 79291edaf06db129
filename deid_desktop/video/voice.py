"""Alters voices: other pitch, other vocal tract, the same words at the same time.

A phase vocoder (Laroche and Dolson, "New phase-vocoder techniques for pitch-shifting", 1999) moves
the pitch: every partial is moved whole, with all the bins it fills, so that these never weaken each
other. The spectral envelope, read from the cepstrum, is taken off first and put back stretched,
which is what another length of the vocal tract does. It makes a voice hard to know by ear. It is no
proof against a program built to undo it, nor against someone who knows how the person talks.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deid_desktop.core.types import Array

RATE = 48_000
_WINDOW, _HOP = 2048, 512
_SMOOTH = 64
"""Samples of quefrency (1.3 ms) up to which the cepstrum is envelope, not voice."""
_ONSET = 3.0
"""Times the energy of the block before at which a sound begins."""
_SCALE = 2 / 3
"""Undoes what four overlapping squared Hann windows add up to."""


@dataclass(frozen=True)
class Change:
    """Factors of the pitch and of the formants' frequencies."""

    pitch: float
    formants: float


def draw_change() -> Change:
    """Draw a change that nobody knows: up or down by 3 to 5 semitones, formants by 9 to 20 %."""
    chance = secrets.SystemRandom()
    sign = chance.choice((-1, 1))
    return Change(2 ** (sign * chance.uniform(3, 5) / 12), chance.uniform(1.09, 1.2) ** sign)


class Voice:
    """One channel of sound, changed block by block; as many samples come out as go in."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self._window = np.hanning(_WINDOW + 1)[:-1]
        self._waiting = np.zeros(_WINDOW)
        self._adding = np.zeros(_WINDOW)
        self._before = np.zeros(_WINDOW // 2 + 1)
        self._turned = np.zeros(_WINDOW // 2 + 1)  # by what each bin's partial was turned so far
        self._late = _WINDOW - _HOP  # samples that come out before the first that went in
        self._loudness = 0.0
        self._fed = self._given = 0

    def feed(self, samples: Array) -> Array:
        """Take ``samples`` (n,), −1…1, and return those that are finished by now."""
        self._fed += len(samples)
        return self._run(samples)

    def finish(self) -> Array:
        """Return the rest."""
        rest = self._run(np.zeros(2 * _WINDOW))
        return rest[: len(rest) - (self._given - self._fed)]

    def _run(self, samples: Array) -> Array:
        self._waiting = np.concatenate([self._waiting, samples])
        done = [np.zeros(0)]
        while len(self._waiting) >= _WINDOW + _HOP:
            self._waiting = self._waiting[_HOP:]
            self._adding += self._changed(self._waiting[:_WINDOW] * self._window) * self._window
            done.append(self._adding[:_HOP] * _SCALE)
            self._adding = np.concatenate([self._adding[_HOP:], np.zeros(_HOP)])
        out = np.concatenate(done)
        skipped = min(self._late, len(out))
        self._late -= skipped
        out = out[skipped:]
        self._given += len(out)
        return np.clip(out, -1, 1).astype(np.float32)

    def _changed(self, block: Array) -> Array:
        spectrum = np.fft.rfft(block)
        size, phase = np.abs(spectrum), np.angle(spectrum)
        bins = np.arange(len(size))
        expected = 2 * np.pi * _HOP / _WINDOW
        drift = phase - self._before - bins * expected
        self._before = phase
        drift -= 2 * np.pi * np.round(drift / (2 * np.pi))
        partial = _partials(size)
        away = (self._change.pitch - 1) * (bins + drift / expected)[partial]
        # What a pause left out of step must not matter, so a new sound begins anew.
        loudness, before = float(size @ size), self._loudness
        self._loudness = loudness
        self._turned = np.mod(self._turned[partial] + away * expected, 2 * np.pi)
        if loudness > _ONSET * before:
            self._turned = np.zeros(len(bins))
        envelope = _envelope(size)
        target = bins + np.round(away).astype(int)
        fits = (target >= 0) & (target < len(bins))
        moved = np.zeros(len(bins), np.complex128)
        flat = spectrum / envelope * np.exp(1j * self._turned)
        np.add.at(moved, target[fits], flat[fits])
        stretched = np.interp(bins / self._change.formants, bins, envelope)
        return np.fft.irfft(moved * stretched, _WINDOW)


def _partials(size: Array) -> NDArray[np.intp]:
    """Return for each bin of the magnitudes (n,) the peak that it belongs to, the nearest one."""
    around = np.stack([np.roll(size, step) for step in (-2, -1, 1, 2)])
    peaks = np.flatnonzero(size >= around.max(0))
    borders = (peaks[1:] + peaks[:-1]) // 2 + 1
    nearest: NDArray[np.intp] = peaks[np.searchsorted(borders, np.arange(len(size)), "right")]
    return nearest


def _envelope(size: Array) -> Array:
    """Return the smooth course of a spectrum's magnitudes (n,)."""
    cepstrum = np.fft.irfft(np.log(size + 1e-7))
    cepstrum[_SMOOTH:-_SMOOTH] = 0
    smooth: Array = np.exp(np.fft.rfft(cepstrum).real)
    return smooth
