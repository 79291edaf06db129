"""Original and result: side by side with linked zoom and pan, split, or one of them alone."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QPointF, QRectF, QTimer, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QBoxLayout, QLabel, QVBoxLayout, QWidget

from deid_desktop.core.types import Box
from deid_desktop.gui.canvas import STEP, Canvas
from deid_desktop.gui.theme import Theme
from deid_desktop.session import brushing
from deid_desktop.session.document import Document
from deid_desktop.session.language import tr
from deid_desktop.session.picture import Patch
from deid_desktop.session.render import Renderer

BLINK_MS = 700


class Mode(StrEnum):
    """What is on show."""

    SIDE = "side by side"
    RESULT = "result"
    ORIGINAL = "original"
    SPLIT = "split"
    BLINK = "blink"


class CompareView(QWidget):
    """Two canvases that move together."""

    zoomed = Signal(float)
    marking_ended = Signal()
    brush_put_away = Signal()

    def __init__(
        self, document: Document, renderer: Renderer, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._document, self._renderer = document, renderer
        self._mode = Mode.SIDE
        self._following = False
        self._region = False
        self._brushing: bool | None = None
        self._brush_size = brushing.STANDARD
        self._nudging: tuple[int, int] | None = None  # face, gesture
        self._blink = QTimer(self)
        self._blink.setInterval(BLINK_MS)
        self._blink.timeout.connect(self._turn)
        self.original = Canvas(tr("Original photo"), theme)
        self.result = Canvas(tr("Result"), theme)
        self._captions = (QLabel(tr("Original")), QLabel(tr("Result")))
        self._row = row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        self._columns: list[QWidget] = []
        for caption, canvas in zip(self._captions, self.canvases, strict=True):
            caption.setProperty("role", "caption")
            column = QWidget()
            stack = QVBoxLayout(column)
            stack.setContentsMargins(0, 0, 0, 0)
            stack.setSpacing(0)
            stack.addWidget(caption)
            stack.addWidget(canvas, 1)
            row.addWidget(column, 1)
            self._columns.append(column)
            canvas.view_moved.connect(self._follow)
            canvas.face_picked.connect(self._pick)
            canvas.box_drawn.connect(self._add_face)
            canvas.box_moved.connect(self._move_face)
            canvas.box_nudged.connect(self._nudge_face)
            canvas.marking_ended.connect(self.marking_ended)
            canvas.stroked.connect(self._stroke)
            canvas.brush_put_away.connect(self.brush_put_away)
        renderer.viewed.connect(self._show_view)
        renderer.painted.connect(self._repaint)
        for signal in (
            document.faces_changed,
            document.subject_changed,
            document.selection_changed,
        ):
            signal.connect(self._show_faces)
        theme.changed.connect(self._show_faces)
        self.set_mode(Mode.SIDE)

    @property
    def canvases(self) -> tuple[Canvas, Canvas]:
        """Return original and result."""
        return self.original, self.result

    @property
    def mode(self) -> Mode:
        """Return what is on show."""
        return self._mode

    @property
    def front(self) -> Canvas:
        """Return a canvas that is on show."""
        return self.original if self._mode is Mode.ORIGINAL else self.result

    def set_mode(self, mode: Mode) -> None:
        """Show original, result, or both."""
        self._mode = mode
        self._columns[0].setVisible(mode in (Mode.SIDE, Mode.ORIGINAL))
        self._columns[1].setVisible(mode is not Mode.ORIGINAL)
        self._captions[1].setText(tr("Original | Result") if mode is Mode.SPLIT else tr("Result"))
        self.original.set_divider(1.0, draggable=False)
        split = mode is Mode.SPLIT
        # The divider starts in the middle of what is on view.
        width = self.result.photo.boundingRect().width()
        middle = min(0.9, max(0.1, self.result.centre.x() / width)) if width else 0.5
        self.result.set_divider(middle if split else 0.0, draggable=split)
        if mode is Mode.BLINK:
            self._blink.start()
        else:
            self._blink.stop()
        self.result.setAccessibleName(tr("Original and result, split") if split else tr("Result"))

    def _turn(self) -> None:
        showing_original = self.result.photo.divider > 0.5
        self.result.set_divider(0.0 if showing_original else 1.0, draggable=False)
        self._captions[1].setText(tr("Result") if showing_original else tr("Original"))

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Blink for nobody."""
        self._blink.stop()
        super().hideEvent(event)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Blink again."""
        if self._mode is Mode.BLINK:
            self._blink.start()
        super().showEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Put the pair side by side or one above the other, whichever shows the photo larger."""
        super().resizeEvent(event)
        # A clear gain is asked for, so that the pair does not jump while the window is resized.
        self._choose_direction(clear_gain=1.15)

    def _choose_direction(self, *, clear_gain: float = 1.0) -> None:
        photo = self.result.photo.boundingRect()
        if photo.isEmpty() or self.width() < 2 or self.height() < 2:
            return
        caption = self._captions[0].sizeHint().height()
        beside = min(self.width() / 2 / photo.width(), (self.height() - caption) / photo.height())
        stacked = min(self.width() / photo.width(), (self.height() / 2 - caption) / photo.height())
        if stacked > beside * clear_gain:
            self._row.setDirection(QBoxLayout.Direction.TopToBottom)
        elif beside > stacked * clear_gain:
            self._row.setDirection(QBoxLayout.Direction.LeftToRight)

    def fit(self) -> None:
        """Show the whole photo."""
        for canvas in self.canvases:
            canvas.fit()

    def actual_size(self) -> None:
        """Show one photo pixel as one screen pixel, about the selected face if there is one."""
        selected = self._document.selected
        centre = QRectF(*selected.face.box).center() if selected else self.front.centre
        self.front.look_at(centre, 1 / self.devicePixelRatioF())

    def zoom_in(self) -> None:
        """Zoom in by one step."""
        self.front.zoom_by(STEP)

    def zoom_out(self) -> None:
        """Zoom out by one step."""
        self.front.zoom_by(1 / STEP)

    def go_to_selected(self) -> None:
        """Bring the selected face to the middle, large enough to judge."""
        if (selected := self._document.selected) is not None:
            box = QRectF(*selected.face.box)
            view = self.front.viewport().rect()
            zoom = min(view.width(), view.height()) / (2.6 * max(box.width(), box.height()))
            self.front.look_at(box.center(), min(zoom, 4.0))

    def show_outlines(self, visible: bool) -> None:
        """Show or hide the faces' outlines."""
        for canvas in self.canvases:
            canvas.show_outlines(visible)

    def set_marking(self, marking: bool, *, region: bool = False) -> None:
        """Let the next drag in either canvas draw a box around a missed face or a region."""
        self._region = region
        for canvas in self.canvases:
            canvas.set_marking(marking)

    def set_brush(self, into: bool | None) -> None:
        """Take the brush, to paint into the selected face's mask or out of it, or put it away."""
        self._brushing = into
        self._show_brush()
        if into is not None:
            self.front.setFocus()

    def resize_brush(self, factor: float) -> None:
        """Make the brush larger or smaller."""
        self._brush_size = brushing.sized(self._brush_size, factor)
        self._show_brush()

    def _show_brush(self) -> None:
        subject = self._document.selected
        out = subject is not None and brushing.brushable(subject) and self._on_view()
        for canvas in self.canvases:
            if subject is not None and out:
                radius = self._brush_size * max(subject.face.box[2:])
                canvas.brush.show_strokes(subject.request.strokes, subject.face)
                if (canvas.brush.into, canvas.brush.radius) != (self._brushing, radius):
                    canvas.take_brush(self._brushing, radius)
            elif canvas.brush.active:
                canvas.take_brush(None, 1.0)

    def _on_view(self) -> bool:
        view = self._renderer.view
        return view is not None and view.entry is self._document.current

    def _stroke(self, way: list[QPointF]) -> None:
        subject = self._document.selected
        if subject is not None and self._brushing is not None:
            points = [(point.x(), point.y()) for point in way]
            stroke = brushing.stroke_of(
                points, subject.face, into=self._brushing, radius=self._brush_size
            )
            brushing.brush(self._document, stroke)

    def _add_face(self, box: QRectF) -> None:
        self._document.add_face(_box(box), region=self._region)

    def _move_face(self, face_id: int, box: QRectF, angle: float) -> None:
        self._document.move_face(face_id, _box(box), angle=angle)

    def _nudge_face(self, face_id: int, box: QRectF, angle: float) -> None:
        if self._nudging is None or self._nudging[0] != face_id:
            self._nudging = (face_id, self._document.new_gesture())
        self._document.move_face(face_id, _box(box), angle=angle, gesture=self._nudging[1])

    def _pick(self, face_id: int, extend: bool) -> None:
        self._nudging = None
        document = self._document
        if extend and document.selected_id is not None:
            chosen = {subject.face.id for subject in document.chosen} ^ {face_id}
            document.select(face_id if face_id in chosen else min(chosen, default=None), chosen)
        else:
            document.select(face_id)

    def _show_view(self) -> None:
        view = self._renderer.view
        for canvas in self.canvases:
            canvas.show_pictures(view.before if view else None, view.after if view else None)
        self._choose_direction()
        self._show_faces()

    def _repaint(self, patch: Patch) -> None:
        self.result.repaint_patch(patch)

    def _show_faces(self) -> None:
        # Outlines belong to the pictures on show, which may arrive later than the faces.
        view, entry = self._renderer.view, self._document.current
        subjects = entry.present() if view and entry is view.entry else ()
        for canvas in self.canvases:
            canvas.show_faces(subjects, self._document.selected_id, self._document.also_selected)
        self._show_brush()

    def _follow(self) -> None:
        if self._following:
            return
        self._following = True
        leader = self.sender()
        for canvas in self.canvases:
            if canvas is not leader and isinstance(leader, Canvas):
                if leader.fitted:
                    canvas.fit()
                else:
                    canvas.look_at(QPointF(leader.centre), leader.zoom)
        self._following = False
        self.zoomed.emit(self.front.zoom)


def _box(rect: QRectF) -> Box:
    return rect.x(), rect.y(), rect.width(), rect.height()
