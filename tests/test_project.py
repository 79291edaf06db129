"""The project keeps its own promises: files where the documents say, models as shipped."""

import hashlib
import re
import tomllib
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from PIL import Image

from deid_desktop import __version__

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "resources" / "models"
SAMPLES = sorted((ROOT / "resources" / "samples").glob("*.jpg"))


def sums() -> dict[str, str]:
    lines = (MODELS / "SHA256SUMS").read_text().splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def pins() -> dict[str, str]:
    text = (ROOT / "packaging" / "constraints.txt").read_text()
    found = re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)$", text, re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): pinned for name, pinned in found}


def test_one_version_number() -> None:
    assert version("deid-desktop") == __version__
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert f"## [{__version__}]" in changelog


def test_every_direct_dependency_is_pinned() -> None:
    names = {
        re.sub(r"[-_.]+", "-", re.split(r"[\s<>=!;\[]", requirement)[0]).lower()
        for requirement in requires("deid-desktop") or []
    }
    assert names <= pins().keys()


def test_the_tests_run_on_the_pinned_versions() -> None:
    for name in ("torch", "opencv-python", "numpy", "pyside6-essentials", "pillow"):
        assert version(name).split("+")[0] == pins()[name]


def test_the_licence_is_the_declared_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text and "END OF TERMS AND CONDITIONS" in text


def test_models_are_the_listed_ones() -> None:
    weights = {p.name for p in MODELS.iterdir() if p.is_file() and p.suffix != ".md"}
    weights.remove("SHA256SUMS")
    assert weights == sums().keys()
    for name, digest in sums().items():
        assert hashlib.sha256((MODELS / name).read_bytes()).hexdigest() == digest, name


def test_every_model_has_origin_and_licence_documented() -> None:
    document = (ROOT / "docs" / "models.md").read_text()
    for name, digest in sums().items():
        assert name in document
        # The generator changes with every training; its sum has one place only.
        assert digest in document or name == "generator.safetensors"
    for link in re.findall(r"\]\((\.\./resources/models/licences/[^)]+)\)", document):
        assert (ROOT / "docs" / link).is_file(), link


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_samples_carry_no_metadata_and_name_their_source(path: Path) -> None:
    with Image.open(path) as image:
        assert not image.getexif()
        assert image.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        assert max(image.size) <= 1600
    assert path.stat().st_size <= 400_000
    assert path.name in (path.parent / "SOURCES.md").read_text()


def test_there_are_samples() -> None:
    assert SAMPLES


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "ARCHITECTURE.md",
        "GLOSSARY.md",
        "CHANGELOG.md",
        "docs/models.md",
        "docs/anonymity.md",
        "docs/files.md",
        "docs/security.md",
    ],
)
def test_links_between_documents_lead_somewhere(document: str) -> None:
    path = ROOT / document
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
        assert (path.parent / target).exists(), f"{document} links to {target}"
