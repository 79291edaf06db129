"""The report of an export as a page to print: what became of every face, in words.

Stands beside ``report``, made from the same records: no picture, no path, no embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from deid_desktop.core.files import new_file, publish, write_durably
from deid_desktop.core.report import PhotoRecord, ReportError

CAPTION = "Faces in these pictures were replaced by synthetic ones or hidden."
"""What belongs under a published picture."""

_STYLE = """
body { font: 11pt/1.45 sans-serif; max-width: 60em; margin: 2em auto; color: #1d2024; }
h1 { font-size: 1.5em; } h2 { font-size: 1.1em; margin: 1.6em 0 .3em; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3em .7em .3em 0; border-bottom: 1px solid #ccc;
  vertical-align: top; }
.bad { font-weight: bold; } footer { margin-top: 2em; color: #5c626c; font-size: .9em; }
@media print { body { margin: 0; } h2 { break-after: avoid; } tr { break-inside: avoid; } }
"""

_COLUMNS = ("Face", "What was done", "Checked", "Similarity to the person", "Review")


def html_report(records: Sequence[PhotoRecord], *, version: str, device: str) -> str:
    """Return the whole page. Every text from outside is escaped, nothing is loaded."""
    written = sum(record.status == "exported" for record in records)
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8"><title>Report of the export</title>',
        f"<style>{_STYLE}</style></head><body><h1>Report of the export</h1>",
        f"<p>{written} of {len(records)} photos were written. {escape(CAPTION)}</p>",
        *(_photo(record) for record in records),
        f"<footer>Deid Desktop {escape(version)}, computed on {escape(device)}. “Verified” means "
        "that a face recogniser no longer links the face to the person: similarity at or below "
        "the limit. Hair, clothes, tattoos and places can still identify people.</footer>",
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _photo(record: PhotoRecord) -> str:
    output = f" → {escape(record.output)}" if record.output else ""
    status = escape(record.status)
    reason = f": {escape(record.reason)}" if record.reason else ""
    mark = "" if record.status == "exported" else ' class="bad"'
    head = f"<h2>{escape(record.input)}{output}</h2><p{mark}>{status}{reason}</p>"
    if not record.faces:
        return f"{head}<p>No face.</p>"
    titles = "".join(f"<th>{title}</th>" for title in _COLUMNS)
    rows = "".join(_row(face) for face in record.faces)
    return f"{head}<table><tr>{titles}</tr>{rows}</table>"


def _row(face: dict[str, Any]) -> str:
    similarity, limit = face["similarity_to_original"], face["threshold"]
    measured = "" if similarity is None else f"{similarity:.2f} (limit {limit:.2f})"
    cells = (
        str(face["id"] + 1),
        face["method"],
        "verified" if face["verified"] else "",
        measured,
        face.get("review", ""),
    )
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def write_html_report(
    path: Path, records: Sequence[PhotoRecord], *, version: str, device: str
) -> None:
    """Write the page in one step, never over another file.

    Raises:
        ReportError: the file exists, or the disk refuses.
    """
    text = html_report(records, version=version, device=device)
    try:
        with new_file(path.parent) as temporary:
            write_durably(temporary, text.encode(errors="backslashreplace"))
            publish(temporary, path, overwrite=False)
    except FileExistsError as error:
        raise ReportError(f"{path.name}: the report exists already; choose another name") from error
    except OSError as error:
        raise ReportError(
            f"{path.name}: the report cannot be written ({error.strerror}); "
            "choose another place for it"
        ) from error
