"""Projects and reports with whatever a stranger puts into them: read, or refused in a sentence."""

import json
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_project_format import example

from deid_desktop.core.captions import Words, packet
from deid_desktop.core.printable import write_html_report
from deid_desktop.core.project import (
    Project,
    ProjectError,
    SavedPhoto,
    read_project,
    write_project,
)
from deid_desktop.core.report import PhotoRecord, write_report

ENDLESS = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["surrogate", "solid", "", "../../etc/passwd", "0" * 64]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)
# File names hold whatever bytes the disk allows; those that are no UTF-8 become lone surrogates.
NAMES = st.text(st.characters(codec=None, exclude_characters="\0/"), min_size=1, max_size=40)


def places(value, at=()):
    """Return the way to every value within a JSON value."""
    yield at
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(part, (*at, key))


@st.composite
def damaged_project(draw, content):
    """The example with values replaced, removed or added anywhere."""
    content = json.loads(content)
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from([place for place in places(content) if place]))
        holder = content
        for key in way:
            holder = holder[key]
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                holder[last] = draw(JSON)
            case "remove":
                del holder[last]
            case "add" if isinstance(holder, dict):
                holder[draw(st.text(max_size=6))] = draw(JSON)
            case "add":
                holder.insert(0, draw(JSON))
    return json.dumps(content).encode()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("records")


@pytest.fixture(scope="module")
def whole(place):
    write_project(place / "whole.deid", example())
    return (place / "whole.deid").read_bytes()


@ENDLESS
@given(data=st.data())
def test_a_damaged_project_is_read_as_one_or_refused(place, whole, data):
    path = place / "a.deid"
    path.write_bytes(data.draw(damaged_project(whole)))
    try:
        project = read_project(path)
    except ProjectError as error:
        assert str(error).startswith("a.deid: ")
        assert "\n" not in str(error)
    else:
        write_project(path, project)
        assert isinstance(read_project(path), Project)


@ENDLESS
@given(start=st.integers(0, 3000), what=st.binary(max_size=12), gone=st.integers(0, 40))
def test_bytes_that_change_do_not_break_it_either(place, whole, start, what, gone):
    path = place / "a.deid"
    path.write_bytes(whole[:start] + what + whole[start + gone :])
    try:
        read_project(path)
    except ProjectError as error:
        assert str(error).startswith("a.deid: ")


@ENDLESS
@given(NAMES)
def test_a_project_holds_every_name_that_a_disk_can(place, name):
    path = place / "named.deid"
    write_project(path, Project((SavedPhoto(name, "0" * 64, None),)))
    assert read_project(path).photos[0].path == name


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, tuple(attributes)))


def tags(path):
    parser = Tags()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser.found


@ENDLESS
@given(NAMES, NAMES)
def test_a_report_holds_every_name_and_lets_none_become_markup(place, name, reason):
    json_path, page, plain = (place / name for name in ("r.json", "r.html", "plain.html"))
    for path in (json_path, page, plain):
        path.unlink(missing_ok=True)
    facts = {"version": "1", "device": "cpu"}
    record = PhotoRecord(name, "", "failed", reason)
    write_report(json_path, [record], overwrite=False, **facts)
    photo = json.loads(json_path.read_bytes())["photos"][0]
    assert (photo["input"], photo["reason"]) == (name, reason)
    write_html_report(page, [record], **facts)
    write_html_report(plain, [PhotoRecord("a", "", "failed", "b")], **facts)
    assert tags(page) == tags(plain)


@ENDLESS
@given(st.text(st.characters(codec=None)), st.text(st.characters(codec=None)))
def test_whatever_is_typed_makes_a_packet_that_can_be_written(credit, caption):
    made = packet(Words(credit, caption))
    assert made == packet(Words(credit, caption))
    assert made.decode().count("<?xpacket") in (0, 2)
