"""Says in plain words what is known of a face or a photo, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass

from deid_desktop.core.types import FaceResult, Method, State
from deid_desktop.session.document import PhotoEntry, Stage, Subject

WARNINGS = {
    Method.BLUR: "Trained recognisers read blurred faces: 71 % of people were named correctly "
    "where guessing names 0.19 %. Use a surrogate or a solid mask for anyone at risk.",
    Method.PIXELATE: "Trained recognisers read pixelated faces: 71 % of people were named "
    "correctly where guessing names 0.19 %. Use a surrogate or a solid mask for anyone at risk.",
    Method.KEEP: "This face is exported as it is. Anyone can recognise it.",
}
"""What a person must know before choosing a method."""

METHOD_NAMES = {
    Method.SURROGATE: "Surrogate",
    Method.SOLID: "Solid",
    Method.BLUR: "Blur",
    Method.PIXELATE: "Pixelate",
    Method.KEEP: "Keep",
}

METHOD_TIPS = {
    Method.SURROGATE: "Replace the face with a synthetic one and verify it",
    Method.SOLID: "Cover the face with one colour: nothing of it is left",
    Method.BLUR: "Blur the face. " + WARNINGS[Method.BLUR],
    Method.PIXELATE: "Pixelate the face. " + WARNINGS[Method.PIXELATE],
    Method.KEEP: "Leave the face as it is. " + WARNINGS[Method.KEEP],
}


@dataclass(frozen=True)
class Finding:
    """A verdict: the word first, why, the figure it rests on, what to do, then all numbers."""

    headline: str
    reason: str
    figure: str = ""
    advice: str = ""
    numbers: tuple[tuple[str, str], ...] = ()


_HEADLINES = {
    State.VERIFIED: "Verified",
    State.MASKED: "Masked",
    State.KEPT: "Kept on purpose",
    State.ATTENTION: "Needs attention",
}

SHORT = {
    State.VERIFIED: "verified",
    State.MASKED: "masked",
    State.KEPT: "kept",
    State.ATTENTION: "needs attention",
    None: "working",
}


def _advice(result: FaceResult) -> str:
    if result.verdict.state is State.VERIFIED:
        return "Clothes, hair, tattoos and name tags can still identify a person: look at them."
    if result.verdict.state is State.KEPT:
        return "Choose another method if this person must not be recognised."
    if result.verdict.state is State.MASKED:
        if result.request.method is Method.SOLID:
            return "Nothing of the face is left under the mask."
        return "A recogniser may still read this face: see the warning below."
    return "Export is blocked. Try another face, or use a solid mask."


def _numbers(result: FaceResult) -> tuple[tuple[str, str], ...]:
    verdict = result.verdict
    rows = []
    if verdict.similarity_to_original is not None:
        rows.append(("Similarity to the person", f"{verdict.similarity_to_original:.2f}"))
    if verdict.threshold is not None:
        rows.append(("Must stay below", f"{verdict.threshold:.2f}"))
    if verdict.similarity_to_nearest_donor is not None:
        rows.append(
            ("Similarity to the nearest donor", f"{verdict.similarity_to_nearest_donor:.2f}")
        )
    if verdict.detected_again is not None:
        rows.append(("Still found as a face", "yes" if verdict.detected_again else "no"))
    if result.identity is not None:
        rows.append(("Donors mixed", str(len(result.identity.donors))))
    if result.attempts:
        rows.append(("Candidates tried", str(result.attempts)))
    return tuple(rows)


def finding(subject: Subject) -> Finding:
    """Return the verdict on the current request of one face."""
    result = subject.result
    if result is None and subject.previewed == subject.request:
        return Finding("Preview", "Not verified yet. The full check follows when you let go.")
    if result is None:
        return Finding("Working", "This face is being replaced and checked.")
    verdict = result.verdict
    figure = ""
    if verdict.similarity_to_original is not None and verdict.threshold is not None:
        figure = f"Similarity {verdict.similarity_to_original:.2f}, limit {verdict.threshold:.2f}."
    return Finding(
        _HEADLINES[verdict.state], verdict.reason, figure, _advice(result), _numbers(result)
    )


def plural(count: int, one: str, many: str = "") -> str:
    """Return ``1 face`` or ``2 faces``."""
    return f"{count} {one if count == 1 else many or one + 's'}"


@dataclass(frozen=True)
class Summary:
    """A photo in one line. ``state``: the worst of its faces; ``None`` while work goes on."""

    text: str
    state: State | None
    exportable: bool = False


def summary(entry: PhotoEntry) -> Summary:
    """Return what is known of a photo as a whole."""
    if entry.stage is Stage.FAILED:
        return Summary(entry.problem, State.ATTENTION)
    if entry.stage is Stage.WAITING:
        return Summary("Looking for faces …", None)
    present = entry.present()
    if not present:
        return Summary(
            "No face was found. Look for yourself, and mark any face that was missed.",
            State.ATTENTION,
            exportable=True,
        )
    counts = {state: sum(subject.state is state for subject in present) for state in (*State, None)}
    parts = [f"{counts[state]} {SHORT[state]}" for state in SHORT if counts[state]]
    if len(parts) == 1:
        every = "" if len(present) == 1 else "all "
        parts = [f"{every}{parts[0].partition(' ')[2]}".replace("all needs", "all need")]
    text = f"{plural(len(present), 'face')}: {', '.join(parts)}."
    if counts[State.ATTENTION]:
        return Summary(f"{text} Export is blocked.", State.ATTENTION)
    if counts[None]:
        return Summary(text, None)
    kept = " Kept faces can be recognised." if counts[State.KEPT] else ""
    worst = State.KEPT if kept else State.VERIFIED if counts[State.VERIFIED] else State.MASKED
    return Summary(f"{text}{kept} Ready to export.", worst, exportable=True)
