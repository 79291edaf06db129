"""Says in plain words what is known of a clip."""

from __future__ import annotations

from deid_desktop.core.types import State
from deid_desktop.session.language import later, tr

_STATES = {
    State.VERIFIED: later("verified"),
    State.MASKED: later("masked"),
    State.KEPT: later("kept"),
    State.ATTENTION: later("needs attention"),
    None: later("not rendered yet"),
}
_DOING = {
    "find": later("Finding faces …"),
    "cast": later("Choosing surrogates …"),
    "render": later("Rendering …"),
    "join": later("Writing the file …"),
}
SOUNDS = {
    "drop": later("Leave the sound out"),
    "alter": later("Alter voices"),
    "keep": later("Keep the sound as it is"),
}
"""What may become of the sound; the safest first."""
_REASONS = (
    later("The face is not found here."),
    later("The file is damaged here."),
    later("The face may be here before or after it is found."),
    later("The surrogate holds only for a moment here, so the mask stays."),
    later("No frame shows this face."),
    later("No surrogate was found that hides this person; another seed may."),
)
"""Why a face is masked; those of the photo pipeline have their own words."""


def state_name(state: State | None) -> str:
    """Return a state's name in a sentence."""
    return tr(_STATES[state])


def doing_words(doing: str) -> str:
    """Return what is being done."""
    return tr(_DOING[doing])


def remaining(seconds: float) -> str:
    """Return how long it will still take."""
    if seconds < 60:
        return tr("about {count} s left", count=max(1, round(seconds)))
    return tr("about {count} min left", count=round(seconds / 60))
