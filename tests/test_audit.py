"""The check of the pinned versions against the database of known holes, played by a server here."""

import http.server
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "packaging" / "audit.py"
sys.path.insert(0, str(SCRIPT.parent))

import audit  # noqa: E402


@pytest.fixture
def database(monkeypatch):
    """Answer what ``answers`` says; keep what was asked."""

    class Database(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            size = int(self.headers["Content-Length"])
            asked.append(json.loads(self.rfile.read(size)))
            body = json.dumps({"results": answers}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    asked, answers = [], []
    server = http.server.HTTPServer(("127.0.0.1", 0), Database)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    monkeypatch.setattr(audit, "DATABASE", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield asked, answers
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def constraints(tmp_path):
    path = tmp_path / "constraints.txt"
    path.write_text("# pins\nnumpy==2.4.6\npillow==13.0.0 ; python_version > '3'\n")
    return str(path)


def test_a_known_hole_is_named(database, constraints, capsys):
    asked, answers = database
    answers += [{}, {"vulns": [{"id": "GHSA-1"}, {"id": "PYSEC-2"}]}]
    assert audit.main([constraints]) == 1
    assert "pillow 13.0.0: GHSA-1, PYSEC-2" in capsys.readouterr().out
    assert [query["package"]["name"] for query in asked[0]["queries"]] == ["numpy", "pillow"]
    assert [query["version"] for query in asked[0]["queries"]] == ["2.4.6", "13.0.0"]


def test_nothing_known_is_well(database, constraints, capsys):
    database[1].extend([{}, {}])
    assert audit.main([constraints]) == 0
    assert "2 pinned versions, 0 with known holes" in capsys.readouterr().out


@pytest.mark.parametrize("answers", [[], [{}]])
def test_an_answer_that_makes_no_sense_is_no_clean_bill(database, constraints, answers):
    database[1].extend(answers)
    assert audit.main([constraints]) == audit.SKIPPED


def test_without_a_network_it_says_that_nothing_is_known(constraints):
    environment = {"https_proxy": "http://127.0.0.1:9", "PATH": ""}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), constraints],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == audit.SKIPPED
    assert done.stdout.startswith("the database of known holes did not answer: ")


def test_every_pin_of_ours_is_asked_about():
    text = audit.CONSTRAINTS.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert len(audit.pins(text)) == len(lines) > 50
