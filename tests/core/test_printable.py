import pytest

from deid_desktop.core.printable import html_report, write_html_report
from deid_desktop.core.report import PhotoRecord, ReportError

FACE = {
    "id": 2,
    "method": "surrogate",
    "verified": True,
    "similarity_to_original": 0.123,
    "threshold": 0.25,
    "review": "Approved <b>",
}
RECORDS = [
    PhotoRecord("a&b.jpg", "a-deid.jpg", "exported", faces=[FACE]),
    PhotoRecord("<script>.jpg", "", "blocked", "face 1 needs attention"),
]


def test_the_page_tells_what_became_of_every_face_and_escapes_what_is_foreign():
    page = html_report(RECORDS, version="1", device="cpu")
    assert "1 of 2 photos" in page
    assert "<td>3</td><td>surrogate</td><td>verified</td><td>0.12 (limit 0.25)</td>" in page
    assert "Approved &lt;b&gt;" in page
    assert "&lt;script&gt;.jpg" in page
    assert "<script" not in page
    assert "http" not in page, "nothing is loaded from anywhere"


def test_it_is_written_whole_and_never_over_another_file(tmp_path):
    path = tmp_path / "report.html"
    write_html_report(path, RECORDS, version="1", device="cpu")
    before = path.read_text()
    with pytest.raises(ReportError, match="exists already"):
        write_html_report(path, [], version="1", device="cpu")
    assert path.read_text() == before
    with pytest.raises(ReportError, match="cannot be written"):
        write_html_report(tmp_path / "no" / "r.html", [], version="1", device="cpu")
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
