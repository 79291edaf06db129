"""Draws the program's icon as PNG, of which PyInstaller makes those of Windows and macOS."""

from __future__ import annotations

from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "deid-desktop.svg"


def write(path: Path, size: int = 1024) -> Path:
    """Write the icon to ``path``, ``size`` pixels wide and high, and return the path."""
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(0)
    painter = QPainter(image)
    QSvgRenderer(str(SOURCE)).render(painter)
    painter.end()
    path.parent.mkdir(parents=True, exist_ok=True)
    if not image.save(str(path)):
        raise OSError(f"{path}: the icon cannot be written")
    return path
