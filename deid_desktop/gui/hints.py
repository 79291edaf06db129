"""The first steps: a few sentences above the sample photo, one after the other, in nobody's way."""

from __future__ import annotations

from deid_desktop.gui.notice import Notice
from deid_desktop.session.language import later, tr
from deid_desktop.session.settings import Settings

HINTS = (
    later(
        "Every face that was found has a frame in the photo and a line on the left. Its symbol and "
        "word say whether it may be exported."
    ),
    later(
        "On the right you choose what becomes of the selected face. Move the slider of the age: "
        "the face follows at once, and is verified when you let go."
    ),
    later(
        "Was a face missed? Press M and draw a frame around it. Does a frame hold no face? Press "
        "Del. A hand in front of a face is brushed free with O."
    ),
    later(
        "The keys 1 to 5 compare original and result. When every face is verified, masked or kept "
        "on purpose, Ctrl+E writes a new file; the original stays as it is."
    ),
)


class Hints:
    """Shows the hints in the notice above the photo."""

    def __init__(self, notice: Notice, settings: Settings) -> None:
        self._notice, self._settings = notice, settings

    def begin_once(self) -> None:
        """Show them, unless they were shown at an earlier start."""
        if not self._settings.hinted:
            self.begin()

    def begin(self) -> None:
        """Show the first one."""
        self._settings.hinted = True
        self._show(0)

    def _show(self, number: int) -> None:
        words = tr(
            "First steps, {number} of {count}: {hint}",
            number=number + 1,
            count=len(HINTS),
            hint=tr(HINTS[number]),
        )
        if number + 1 < len(HINTS):
            self._notice.ask(words, (tr("Next"), lambda: self._show(number + 1)))
        else:
            self._notice.ask(words)
