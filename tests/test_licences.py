"""What the program contains, and that it may be given away."""

import importlib.util
import json
import sys
from email.message import Message
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType

import pytest

from deid_desktop import licences as known
from deid_desktop.licences import Component

PACKAGING = Path(__file__).resolve().parent.parent / "packaging"
RUNTIME = known.required("deid-desktop")


@pytest.fixture(scope="module")
def licences() -> ModuleType:
    spec = importlib.util.spec_from_file_location("licences", PACKAGING / "licences.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("found", RUNTIME, ids=lambda found: found.name)
def test_what_is_needed_to_run_has_a_licence_text_and_is_not_gpl(found) -> None:
    one = known.component(found)
    assert len(one.text) > 200 and one.licence
    assert not one.strong_copyleft, one.licence


def test_no_gpl_library_hides_in_what_is_needed_to_run(licences: ModuleType) -> None:
    files = [str(file) for found in RUNTIME for file in found.files or ()]
    assert len(files) > 1000
    assert licences.faults([], files) == []


def test_follows_requirements_of_requirements_but_no_extras() -> None:
    names = {known.canonical(found.name) for found in RUNTIME}
    assert {"torch", "shiboken6", "jinja2", "markupsafe"} <= names
    assert not names & {"pytest", "ruff", "mypy"}


@pytest.mark.parametrize(
    ("licence", "copyleft"),
    [
        ("MIT", False),
        ("LGPL-3.0-only OR GPL-2.0-only OR GPL-3.0-only", False),
        ("GPL-2.0-or-later WITH Bootloader-exception", False),
        ("GNU Lesser General Public License v3 (LGPLv3)", False),
        ("GPL-2.0-only OR GPL-3.0-only", True),
        ("MIT AND AGPL-3.0-or-later", True),
        ("Apache-2.0 WITH LLVM-exception AND GPL-2.0-only", True),
        ("GNU General Public License v3 (GPLv3)", True),
    ],
)
def test_tells_what_binds_the_whole_program(licence: str, copyleft: bool) -> None:
    assert Component("a", "1", licence, "text").strong_copyleft is copyleft


def test_refuses_missing_texts_gpl_and_libraries_that_wheels_do_not_mention(
    licences: ModuleType,
) -> None:
    listed = [Component("a", "1", "GPL-3.0-only", "text"), Component("b", "2", "MIT", "")]
    faults = licences.faults(listed, ["/x/av.libs/libx264-d6533a8d.so.165", "/x/libpng.so"])
    assert faults == ["b 2: no licence text", "a 1: GPL-3.0-only", "libx264-d6533a8d.so.165: GPL"]


def test_the_list_names_the_origin_of_every_file(licences: ModuleType, tmp_path: Path) -> None:
    numpy = distribution("numpy")
    files = [
        str(numpy.locate_file(file)) for file in numpy.files or () if file.name == "version.py"
    ]
    assert [one.name for one in licences.bundled([*files, known.__file__])] == ["numpy"]
    (stray := tmp_path / "stray.so").touch()
    with pytest.raises(SystemExit, match=r"stray\.so"):
        licences.bundled([str(stray)])


def test_systems_without_debian_packages_know_microsofts_runtime_alone(
    licences: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(licences.shutil, "which", lambda _: None)
    names = ("VCRUNTIME140_1.dll", "api-ms-win-crt-heap-l1-1-0.dll", "ucrtbase.dll")
    (one,) = licences.bundled([str(tmp_path / name) for name in names])
    assert one.name == "Microsoft C and C++ runtime"
    assert licences.faults([one], names) == []
    with pytest.raises(SystemExit, match="user32"):
        licences.bundled([str(tmp_path / "user32.dll")])


def test_every_model_has_a_sum_and_a_licence(licences: ModuleType) -> None:
    found = licences.models()
    assert {one.name for one in found} == set(licences.MODELS)
    assert all(len(one.sha256) == 64 and len(one.text) > 100 for one in found)


def test_the_list_survives_its_file(licences: ModuleType) -> None:
    listed = [*licences.models(), known.component(distribution("numpy"))]
    document = json.loads(json.dumps(known.to_sbom(listed, version="1.2.3")))
    assert document["bomFormat"] == "CycloneDX" and document["specVersion"] == "1.6"
    assert document["components"][-1]["purl"].startswith("pkg:pypi/numpy@")
    assert known.from_sbom(document) == listed


def test_a_bundle_shows_its_own_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [Component("only this", "1", "MIT", "text")]
    (tmp_path / "resources" / "licences").mkdir(parents=True)
    (tmp_path / "resources" / "licences" / known.SBOM).write_text(
        json.dumps(known.to_sbom(listed, version="1"))
    )
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    assert known.components() == listed


def test_free_words_and_classifiers_stand_in_for_an_expression() -> None:
    class Old:
        metadata = Message()

    assert known.licence_of(Old()) == "see the text"  # type: ignore[arg-type]
    Old.metadata["Classifier"] = "License :: OSI Approved :: MIT License"
    assert known.licence_of(Old()) == "MIT License"  # type: ignore[arg-type]
    Old.metadata["License"] = "BSD"
    assert known.licence_of(Old()) == "BSD"  # type: ignore[arg-type]
