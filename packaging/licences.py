"""Writes down what a bundle contains: a bill of materials with all licence texts.

``packaging/deid_desktop.spec`` calls ``write`` with the files it collected. A file of which nobody
knows the origin, a component without a licence text or one under the GPL stops the build.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from deid_desktop import __version__  # noqa: E402
from deid_desktop import licences as known  # noqa: E402
from deid_desktop.licences import Component  # noqa: E402

MODELS = {
    "age-v1.onnx": "age-gender-CC0.txt",
    "bands.safetensors": "generator-CC-BY-4.0.txt",
    "dlib_resnet_faceapi_u8.bin": "dlib-public-domain.txt",
    "dlib_resnet_faceapi_u8.json": "face-api-MIT.txt",
    "effects.safetensors": "generator-CC-BY-4.0.txt",
    "face_blendshapes.tflite": "Apache-2.0.txt",
    "face_detection_yunet_2023mar.onnx": "yunet-MIT.txt",
    "face_landmarks_detector.tflite": "Apache-2.0.txt",
    "face_recognition_sface_2021dec.onnx": "Apache-2.0.txt",
    "gender-v1.onnx": "age-gender-CC0.txt",
    "generator.safetensors": "generator-CC-BY-4.0.txt",
    "occlusion.safetensors": "generator-CC-BY-4.0.txt",
    "population.safetensors": "generator-CC-BY-4.0.txt",
    "proportions.safetensors": "generator-CC-BY-4.0.txt",
    "shading.safetensors": "generator-CC-BY-4.0.txt",
}
"""The licence text of every model file."""
NAMES = {
    "age-gender-CC0.txt": "CC0-1.0",
    "dlib-public-domain.txt": "public domain",
    "face-api-MIT.txt": "MIT",
    "Apache-2.0.txt": "Apache-2.0",
    "yunet-MIT.txt": "MIT",
    "generator-CC-BY-4.0.txt": "CC-BY-4.0",
}

GPL_LIBRARIES = re.compile(
    r"lib(x264|x265|readline|gdbm|fftw|postproc|xvidcore|rubberband|vidstab)"
)
"""Libraries under the GPL that get into bundles unasked; the wheels that hold some say "BSD"."""
RUNTIME_EXCEPTION = re.compile(r"lib(gcc_s|stdc\+\+|gomp|gfortran|quadmath)")
"""Libraries of GCC: GPL with an exception for programs that were compiled with it."""

MICROSOFT_RUNTIME = re.compile(
    r"(api-ms-win-[\w-]+|ucrtbase|concrt140|vccorlib140|vcomp140|msvcp140\w*|vcruntime140\w*)\.dll",
    re.IGNORECASE,
)
"""Libraries of Windows that PyInstaller copies, as systems without a compiler lack them."""
_MICROSOFT = "LicenseRef-Microsoft-Distributable-Code"
_MICROSOFT_TEXT = (
    "Distributable Code of Microsoft Visual Studio and of the Windows SDK: it may be copied and "
    "distributed unaltered with programs that need it, under the Microsoft Software License Terms, "
    "https://visualstudio.microsoft.com/license-terms/ and "
    "https://learn.microsoft.com/visualstudio/releases/2022/redistribution\n"
)


def models() -> list[Component]:
    """Return the model files with their sums."""
    folder = ROOT / "resources" / "models"
    found = []
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        sha256, name = line.split()
        text = (folder / "licences" / MODELS[name]).read_text("utf-8")
        kind = "machine-learning-model"
        found.append(Component(name, sha256[:12], NAMES[MODELS[name]], text, kind, sha256))
    return found


def python() -> Component:
    """Return the interpreter that the bundle carries."""
    places = [Path(sysconfig.get_path("stdlib")) / "LICENSE.txt"]
    places += [Path(sys.base_prefix) / "LICENSE.txt"]
    places += sorted(Path("/usr/share/doc").glob("python3.*/copyright"))
    text = next(place for place in places if place.is_file()).read_text("utf-8")
    return Component("CPython", platform.python_version(), "PSF-2.0", text, "framework")


def bootloader() -> Component:
    """Return the small program that starts the bundle."""
    text = known.component(distribution("pyinstaller")).text
    version = distribution("pyinstaller").version
    licence = "GPL-2.0-or-later WITH Bootloader-exception"
    return Component("PyInstaller bootloader", version, licence, text, "framework")


def owners() -> dict[Path, Distribution]:
    """Return which installed distribution each file is of."""
    found: dict[Path, Distribution] = {}
    for one in distributions():
        for file in one.files or ():
            found[Path(str(one.locate_file(file))).resolve()] = one
    return found


def system_part(path: Path) -> Component | None:
    """Return what a library of the system belongs to; ``None`` if nobody knows."""
    if MICROSOFT_RUNTIME.fullmatch(path.name):
        return Component("Microsoft C and C++ runtime", "14", _MICROSOFT, _MICROSOFT_TEXT,
                         "operating-system")  # fmt: skip
    return debian_package(path) if shutil.which("dpkg-query") else None


def debian_package(path: Path) -> Component | None:
    """Return the Debian package that a library is of, if dpkg knows it."""
    for name in (str(path), str(path).removeprefix("/usr"), path.name):
        done = subprocess.run(
            ["dpkg-query", "--search", name], capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            break
    else:
        return None
    package = done.stdout.split(":", 1)[0].split(",")[0]
    version = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Version}\n", package],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()[0]
    text = (Path("/usr/share/doc") / package / "copyright").read_text("utf-8", errors="replace")
    licence = (
        "GPL-3.0-or-later WITH GCC-exception-3.1" if RUNTIME_EXCEPTION.match(path.name) else ""
    )
    return Component(package, version, licence or "see the text", text, "operating-system")


def bundled(files: Iterable[str]) -> list[Component]:
    """Return the components that these files (absolute paths) are parts of, by name.

    Raises:
        SystemExit: the origin of a file is not known.
    """
    whose = owners()
    prefixes = {Path(place).resolve() for place in (sys.base_prefix, sysconfig.get_path("stdlib"))}
    found: dict[tuple[str, str], Component] = {}
    ours, lost = {"deid-desktop", "pyinstaller", "pyinstaller-hooks-contrib"}, []
    for path in sorted({Path(file).resolve() for file in files}):
        if path in whose:
            if known.canonical(whose[path].name) not in ours:
                one = whose[path]
                key = (one.name, one.version)
                found.setdefault(key, found.get(key) or known.component(one))
        elif path.is_relative_to(ROOT) or any(path.is_relative_to(place) for place in prefixes):
            pass  # the program itself, or Python, which `python` stands for
        elif (part := system_part(path)) is not None:
            found[part.name, part.version] = part
        else:
            lost.append(str(path))
    if lost:
        raise SystemExit(f"nobody knows where this comes from: {', '.join(lost)}")
    return sorted(found.values(), key=lambda one: one.name.lower())


def faults(listed: Iterable[Component], files: Iterable[str] = ()) -> list[str]:
    """Return why a bundle of these components and files must not be given to anybody."""
    found = [f"{one.name} {one.version}: no licence text" for one in listed if not one.text]
    found += [f"{one.name} {one.version}: {one.licence}" for one in listed if one.strong_copyleft]
    names = sorted({Path(file).name for file in files})
    return found + [f"{name}: GPL" for name in names if GPL_LIBRARIES.match(name)]


def write(files: Iterable[str], folder: Path) -> list[tuple[str, str]]:
    """Write the list of what the bundle's ``files`` are parts of, as JSON and as a text.

    Returns what PyInstaller is to add to the bundle: pairs of a file and its folder there.

    Raises:
        SystemExit: something must not be in it; the message says what.
    """
    files = list(files)
    listed = [python(), bootloader(), *bundled(files), *models()]
    if wrong := faults(listed, files):
        raise SystemExit("not to be given away: " + "; ".join(wrong))
    folder.mkdir(parents=True, exist_ok=True)
    sbom, text = folder / known.SBOM, folder / "third-party.txt"
    document = known.to_sbom(listed, version=__version__)
    sbom.write_text(json.dumps(document, indent=1, ensure_ascii=False), "utf-8")
    rule = "=" * 80
    text.write_text(
        "".join(
            f"{rule}\n{one.name} {one.version}\n{one.licence}\n{rule}\n\n{one.text}\n\n\n"
            for one in listed
        ),
        "utf-8",
    )
    return [(str(sbom), "resources/licences"), (str(text), "resources/licences")]
