"""A Dask cluster does what the batch does, and a lost worker costs no photo."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from deid_desktop import cluster
from deid_desktop.batch import Settings
from deid_desktop.cli import main
from deid_desktop.core.naming import Planned
from deid_desktop.core.types import Method, Request
from deid_desktop.resources import resource

pytest.importorskip("distributed", reason="needs the extra cluster")


def start(*arguments):
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "error",
    }
    return subprocess.Popen(
        [sys.executable, "-m", *arguments], env=environment, stderr=subprocess.DEVNULL
    )


def start_worker(address, *options):
    return start("distributed.cli.dask_worker", address, "--nthreads", "1", *options)


@pytest.fixture
def scheduler(tmp_path):
    file = tmp_path / "scheduler.json"
    options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file)
    process = start("distributed.cli.dask_scheduler", *map(str, options))
    while not file.exists():
        assert process.poll() is None
        time.sleep(0.1)
    yield json.loads(file.read_text())["address"]
    process.kill()
    process.wait()


@pytest.fixture
def workers(scheduler):
    """One that ends with its process, and one under a nanny, as ``dask worker`` starts them."""
    processes = [start_worker(scheduler, "--no-nanny"), start_worker(scheduler)]
    yield processes
    for process in processes:
        process.terminate()
        process.wait()


SOLID = ("--method", "solid", "--seed", "3")


@pytest.fixture
def photos(tmp_path):
    """Eight small photos of one face each."""
    (tmp_path / "in").mkdir()
    with Image.open(resource("samples", "portrait.jpg")) as portrait:
        portrait.thumbnail((400, 400))
        for number in range(8):
            portrait.save(tmp_path / "in" / f"{number}.png")
    return tmp_path / "in"


def test_a_killed_worker_costs_a_retry_and_no_photo(
    scheduler, workers, photos, tmp_path, monkeypatch, capsys
):
    outcomes = []

    def kill_half_way(client, item, future, real=cluster._outcome):
        outcomes.append(real(client, item, future))
        if len(outcomes) == 3:
            workers[0].send_signal(signal.SIGKILL)
        return outcomes[-1]

    monkeypatch.setattr(cluster, "_outcome", kill_half_way)
    report = tmp_path / "report.json"
    arguments = ["--out", str(tmp_path / "out"), *SOLID, "--report", str(report)]
    assert main(["redact", str(photos), *arguments, "--dask", scheduler]) == 0
    assert workers[0].wait() == -signal.SIGKILL and workers[1].poll() is None
    assert "8 photos: 8 exported, 0 blocked, 0 failed" in capsys.readouterr().out

    written = json.loads(report.read_text())["photos"]
    assert [(photo["output"], photo["status"]) for photo in written] == [
        (f"{number}.png", "exported") for number in range(8)
    ]
    assert all(len(photo["faces"]) == 1 for photo in written)
    for number in range(8):
        before, after = (
            np.asarray(Image.open(folder / f"{number}.png").convert("RGB"))
            for folder in (photos, tmp_path / "out")
        )
        assert before.shape == after.shape and (before != after).any()

    # The same command here says the same of every face.
    alone = tmp_path / "alone.json"
    arguments = ["--out", str(tmp_path / "alone"), *SOLID, "--report", str(alone)]
    assert main(["redact", str(photos), *arguments]) == 0
    assert json.loads(alone.read_text())["photos"] == written


def test_nobody_at_the_address_is_said(tmp_path, photos, capsys):
    arguments = ["--out", str(tmp_path / "out"), "--dask", "tcp://127.0.0.1:9"]
    assert main(["redact", str(photos), *arguments]) == 1
    assert "tcp://127.0.0.1:9: no Dask scheduler answers there" in capsys.readouterr().err


class Future:
    """A result that is an error."""

    def __init__(self, error):
        self.error = error

    def result(self, timeout):
        raise self.error


class Client:
    """Stands in for a cluster of which no worker comes back."""

    def __init__(self, error=None):
        self.error, self.keys, self.closed = error, [], False

    def submit(self, work, item, settings, version, *, key, pure):
        assert not pure
        self.keys.append(key)
        return Future(self.error)

    def scheduler_info(self, n_workers):
        return {"workers": {}}

    def close(self):
        self.closed = True


def run(monkeypatch, client, plan, *, folder):
    monkeypatch.setattr(cluster, "_connect", lambda address: client)
    sources = tuple(item.source for item in plan)
    settings = Settings(Request(method=Method.SOLID), folder, sources)
    return [outcome.record for outcome in cluster.redact_on_cluster("tcp://a:1", plan, settings)]


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (None, "blocked", "every worker that took it died"),
        (ImportError("no module"), "failed", "its worker could not begin (ImportError: no module)"),
        (TimeoutError(), "failed", "the cluster was lost"),
        (OSError("gone"), "failed", "the cluster was lost"),
    ],
)
def test_what_no_worker_finishes_is_never_exported(monkeypatch, tmp_path, error, status, reason):
    from distributed import KilledWorker

    monkeypatch.setattr(cluster, "PATIENCE", 0.0)
    error = error or KilledWorker("task", None, 3)
    plan = [Planned(tmp_path / "secret.png", tmp_path / "out" / "secret.png")]
    client = Client(error)
    (record,) = run(monkeypatch, client, plan, folder=tmp_path / "out")
    assert record.status == status and record.output == ""
    assert record.reason.startswith(f"secret.png: {reason}")
    assert client.closed and not any("secret" in key for key in client.keys)


def test_outputs_in_the_way_and_originals_reach_no_worker(monkeypatch, tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"original")
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").write_bytes(b"in the way")
    (out / "b.png").hardlink_to(tmp_path / "a.png")
    plan = [Planned(tmp_path / name, out / name) for name in ("a.png", "b.png")]
    client = Client()
    taken, original = run(monkeypatch, client, plan, folder=out)
    assert "the output exists already" in taken.reason
    assert "would write over an original" in original.reason
    assert client.keys == []


def test_a_worker_of_another_version_does_not_begin(tmp_path):
    settings = Settings(Request(), tmp_path, ())
    with pytest.raises(cluster.ClusterError, match=r"not 0\.0\.0"):
        cluster._redact_here(Planned(tmp_path / "a", tmp_path / "b"), settings, "0.0.0")
