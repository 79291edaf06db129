"""Says in plain words what is known of a face or a photo, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from deid_desktop.core.types import FaceResult, Method, State
from deid_desktop.session.language import later, tr
from deid_desktop.session.model import PhotoEntry, Stage, Subject

WARNINGS = {
    Method.BLUR: later(
        "Trained recognisers read blurred faces: 71 % of people were named correctly where "
        "guessing names 0.19 %. Use a surrogate or a solid mask for anyone at risk."
    ),
    Method.PIXELATE: later(
        "Trained recognisers read pixelated faces: 71 % of people were named correctly where "
        "guessing names 0.19 %. Use a surrogate or a solid mask for anyone at risk."
    ),
    Method.KEEP: later("This face is exported as it is. Anyone can recognise it."),
}
"""What a person must know before choosing a method."""

_METHOD_NAMES = {
    Method.SURROGATE: later("Surrogate"),
    Method.SOLID: later("Solid"),
    Method.BLUR: later("Blur"),
    Method.PIXELATE: later("Pixelate"),
    Method.KEEP: later("Keep"),
}

_METHOD_TIPS = {
    # docs/anonymity.md: the naive attacker, dlib, two draws for 200 people
    Method.SURROGATE: later(
        "Replace the face with a synthetic one and verify it. A recogniser that takes no part in "
        "that named 1.6 % of 379 faces correctly, where guessing names 0.5 %"
    ),
    # docs/anonymity.md: the comparison of methods, 120 people
    Method.SOLID: later(
        "Cover the face with one colour: nothing of it is left, and recognisers name no more "
        "people than guessing does"
    ),
    Method.BLUR: later("Blur the face"),
    Method.PIXELATE: later("Pixelate the face"),
    Method.KEEP: later("Leave the face as it is"),
}


_NOTES = (
    later("its transparent parts are shown white; PNG, WebP, TIFF and AVIF keep them"),
    later("its transparent parts are now white, as there is a face in them"),
    later("its values of more than 8 bit are reduced to 8 bit"),
    later("its 16-bit values are reduced to 8 bit, as its colour profile demands it"),
    later("it is a high dynamic range photo, so its brightness may be off"),
    later("its colour profile is damaged or does not fit, so colours may be off"),
    later("it is CMYK without a colour profile, so colours may be off"),
    later("only the first of its {count} pictures is used"),
    later("only page {page} of its {count} is used"),
)
"""What the reader may note of a photo."""


def note_words(note: str) -> str:
    """Return a reader's note in the person's language."""
    for words in _NOTES:
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\d+)", re.escape(words))
        if found := re.fullmatch(pattern, note):
            return tr(words, **found.groupdict())
    return tr(note)


def reading_notes(entry: PhotoEntry) -> str:
    """Return one sentence of how a photo was read, "" where there is nothing to say."""
    if not entry.notes:
        return ""
    notes = "; ".join(note_words(note) for note in entry.notes)
    return tr("How this photo was read: {notes}.", notes=notes)


def method_name(method: Method) -> str:
    """Return the method's name."""
    return tr(_METHOD_NAMES[method])


def method_warning(method: Method) -> str:
    """Return what a person must know before choosing the method, if anything."""
    return tr(WARNINGS[method]) if method in WARNINGS else ""


def method_tip(method: Method) -> str:
    """Return what the method does, with its warning."""
    return f"{tr(_METHOD_TIPS[method])}. {method_warning(method)}".removesuffix(". ")


_NO_FACE = (
    "What was found here may not be a face, or too much of it is hidden.",
    "No landmarks are found in this box; mask it.",
)
"""Reasons of the core for which there may be no face at all."""
_TURNED = "The face is turned too far away for a surrogate."


@dataclass(frozen=True)
class Finding:
    """A verdict: the word first, why, the figure it rests on, what to do, then all numbers.

    ``no_face``: there may be no face at all.
    """

    headline: str
    reason: str
    figure: str = ""
    advice: str = ""
    numbers: tuple[tuple[str, str], ...] = ()
    no_face: bool = False


_HEADLINES = {
    State.VERIFIED: later("Verified"),
    State.MASKED: later("Masked"),
    State.KEPT: later("Kept on purpose"),
    State.ATTENTION: later("Needs attention"),
}

_SHORT = {
    State.VERIFIED: later("verified"),
    State.MASKED: later("masked"),
    State.KEPT: later("kept"),
    State.ATTENTION: later("needs attention"),
    None: later("working"),
}


_ALL = {
    State.VERIFIED: later("all verified"),
    State.MASKED: later("all masked"),
    State.KEPT: later("all kept"),
    State.ATTENTION: later("all need attention"),
    None: later("all being worked on"),
}


def short(state: State | None) -> str:
    """Return a state in one or two words."""
    return tr(_SHORT[state])


def _counted(state: State | None, count: int) -> str:
    many = state is State.ATTENTION and count > 1
    return tr("need attention") if many else short(state)


def title(subject: Subject) -> str:
    """Return what a face is called."""
    if subject.face.region:
        return tr("Region {number}", number=subject.number)
    return tr("Face {number}", number=subject.number)


def result_words(subject: Subject) -> str:
    """Return a face's state in one or two words; masks are named."""
    if subject.state is State.MASKED:
        return tr("masked: {method}", method=method_name(subject.request.method))
    return short(subject.state)


def state_words(subject: Subject) -> str:
    """Return a face's state and the decision of a reviewer, if there is one."""
    words = result_words(subject)
    if subject.approved:
        return tr("{state}, approved", state=words)
    return tr("{state}, rejected", state=words) if subject.rejected else words


def _advice(result: FaceResult) -> str:
    if result.verdict.state is State.VERIFIED:
        return tr("Clothes, hair, tattoos and name tags can still identify a person: look at them.")
    if result.verdict.state is State.KEPT:
        return tr("Choose another method if this person must not be recognised.")
    if result.verdict.state is State.MASKED:
        if result.request.method is Method.SOLID:
            return tr("Nothing of it is left under the mask.")
        return tr("A recogniser may still read this face: see the warning below.")
    if result.verdict.reason in _NO_FACE:
        return tr("Export is blocked. Look: if it is no face, say so; if it is one, mask it.")
    if result.verdict.reason == _TURNED:  # no other surrogate would change that
        return tr("Export is blocked. Use a solid mask.")
    return tr("Export is blocked. Try another face, or use a solid mask.")


def _numbers(result: FaceResult) -> tuple[tuple[str, str], ...]:
    verdict = result.verdict
    rows = []
    if verdict.similarity_to_original is not None:
        rows.append((tr("Similarity to the person"), f"{verdict.similarity_to_original:.2f}"))
    if verdict.threshold is not None:
        rows.append((tr("Must stay below"), f"{verdict.threshold:.2f}"))
    if verdict.similarity_to_nearest_donor is not None:
        rows.append(
            (tr("Similarity to the nearest donor"), f"{verdict.similarity_to_nearest_donor:.2f}")
        )
    if verdict.similarity_to_nearest_bystander is not None:
        measured = f"{verdict.similarity_to_nearest_bystander:.2f}"
        rows.append((tr("Similarity to the nearest other person"), measured))
    if verdict.detected_again is not None:
        rows.append(
            (tr("Still found as a face"), tr("yes") if verdict.detected_again else tr("no"))
        )
    if result.identity is not None:
        rows.append((tr("Donors mixed"), str(len(result.identity.donors))))
    if result.attempts:
        rows.append((tr("Candidates tried"), str(result.attempts)))
    return tuple(rows)


def finding(subject: Subject) -> Finding:
    """Return the verdict on the current request of one face."""
    result = subject.result
    if result is None and subject.previewed == subject.request:
        return Finding(
            tr("Preview"), tr("Not verified yet. The full check follows when you let go.")
        )
    if result is None:
        return Finding(tr("Working"), tr("This face is being replaced and checked."))
    verdict = result.verdict
    figure = ""
    if verdict.similarity_to_original is not None and verdict.threshold is not None:
        figure = tr(
            "Similarity {measured:.2f}, limit {limit:.2f}.",
            measured=verdict.similarity_to_original,
            limit=verdict.threshold,
        )
    # The core speaks English; its fixed sentences are in the catalogues too.
    return Finding(
        tr(_HEADLINES[verdict.state]),
        tr(verdict.reason),
        figure,
        _advice(result),
        _numbers(result),
        verdict.reason in _NO_FACE,
    )


@dataclass(frozen=True)
class Summary:
    """A photo in one line. ``state``: the worst of its faces; ``None`` while work goes on."""

    text: str
    state: State | None
    exportable: bool = False


def faces_words(count: int) -> str:
    """Return ``1 face`` or ``2 faces``."""
    return tr("1 face") if count == 1 else tr("{count} faces", count=count)


def summary(entry: PhotoEntry) -> Summary:
    """Return what is known of a photo as a whole."""
    if entry.stage in (Stage.FAILED, Stage.MISSING, Stage.CHANGED):
        return Summary(entry.problem, State.ATTENTION)
    if entry.stage is Stage.WAITING:
        return Summary(tr("Looking for faces …"), None)
    present = entry.present()
    if not present:
        return Summary(
            tr("No face was found. Look for yourself, and mark any face that was missed."),
            State.ATTENTION,
            exportable=True,
        )
    return _summary_of(present)


def _summary_of(present: Sequence[Subject]) -> Summary:
    counts = {state: sum(subject.state is state for subject in present) for state in (*State, None)}
    states = [state for state in _SHORT if counts[state]]
    if len(states) == 1:
        words = tr(_ALL[states[0]]) if len(present) > 1 else short(states[0])
    else:
        words = ", ".join(f"{counts[state]} {_counted(state, counts[state])}" for state in states)
    text = f"{faces_words(len(present))}: {words}."
    rejected = sum(subject.rejected for subject in present)
    if rejected:
        text += " " + tr("Rejected by the reviewer: {count}.", count=rejected)
    if counts[State.ATTENTION] or rejected:
        return Summary(f"{text} {tr('Export is blocked.')}", State.ATTENTION)
    if counts[None]:
        return Summary(text, None)
    if counts[State.KEPT]:
        text += " " + tr("Kept faces can be recognised.")
        worst = State.KEPT
    else:
        worst = State.VERIFIED if counts[State.VERIFIED] else State.MASKED
    return Summary(f"{text} {tr('Ready to export.')}", worst, exportable=True)


def overview(entries: Sequence[PhotoEntry]) -> Summary:
    """Return what is known of several photos together; one that may not leave holds them all."""
    if len(entries) == 1:
        return summary(entries[0])
    every = [summary(entry) for entry in entries]
    subjects = [subject for entry in entries for subject in entry.present()]
    photos = tr("{count} photos", count=len(entries))
    text = f"{photos}, {_summary_of(subjects).text}" if subjects else f"{photos}."
    held = [entry.name for entry, own in zip(entries, every, strict=True) if not own.exportable]
    if held:
        text += " " + tr("In the way: {names}.", names=", ".join(held))
    return Summary(text, None, exportable=bool(entries) and not held)
