"""Bring a virtual environment up to date: `python tools/environment.py .venv-3.11`.

It is run by the Python that the environment is to hold. Everything is installed under constraints/pins.txt,
so that two machines test the same code. What the environment was made from is written into it last, as a
fingerprint: an environment without one was interrupted and is made anew, one with another fingerprint is
brought up to date, one with the same is left alone. Modification times are not asked, because a clone, a
checkout of another branch and a moved folder all lie.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PINS = ROOT / "constraints" / "pins.txt"
# Its metadata forbids the versions of attrs, redis and msgpack that it runs on, so pip may not read it.
WITHOUT_DEPENDENCIES = ("pysoa", "conformity", "currint", "pymetrics", "pytz", "six", "attrs", "msgpack")
PROBE = "import sys, greenlet, meshsim; print(sys.version)"


def plugins() -> list[Path]:
    """Return the folders of the plugins that are developed here, in name order."""
    return sorted(project.parent for project in ROOT.glob("plugins/*/pyproject.toml"))


def fingerprint() -> str:
    """Return what an environment made now would be made from."""
    digest = hashlib.sha256(f"{sys.version}\n{ROOT}\n".encode())
    sources = [
        ROOT / "pyproject.toml",
        PINS,
        Path(__file__),
        *(folder / "pyproject.toml" for folder in plugins()),
    ]
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()


def works(python: Path) -> bool:
    """Return whether the environment starts, as the Python that runs this, and holds the package that it is for."""
    try:
        found = subprocess.run([python, "-c", PROBE], capture_output=True, check=False, text=True)
    except OSError:  # its interpreter was removed or replaced
        return False
    return found.returncode == 0 and found.stdout.strip() == sys.version.strip()


def install(python: Path) -> None:
    """Install the package, what its tests and checks need, and the plugins, all editable."""
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "-qq"]
    pinned = ["--constraint", PINS]
    # The build tools are pinned like everything else, which pip's own build environments would not be.
    subprocess.run([*pip, *pinned, "hatchling", "editables"], check=True, cwd=ROOT)
    editable = [*pip, *pinned, "--no-build-isolation"]
    subprocess.run([*editable, "--editable", ".[dev]"], check=True, cwd=ROOT)
    subprocess.run([*pip, *pinned, "--no-deps", *WITHOUT_DEPENDENCIES], check=True, cwd=ROOT)
    for folder in plugins():
        subprocess.run([*editable, "--editable", folder], check=True, cwd=ROOT)


def main(target: str) -> int:
    """Make or update the environment; returns the exit code."""
    folder = ROOT / target
    python, stamp = folder / "bin" / "python", folder / ".made-from"
    wanted = fingerprint()
    sound = stamp.is_file() and works(python)
    if sound and stamp.read_text() == wanted:
        return 0
    started = time.monotonic()
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"{target}: {'updating' if sound else 'installing'}, with Python {version}", flush=True)
    if not sound:
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
    stamp.unlink(missing_ok=True)
    try:
        install(python)
    except subprocess.CalledProcessError as error:
        print(f"{target}: this failed: {' '.join(map(str, error.cmd))}", file=sys.stderr)
        return 1
    stamp.write_text(wanted)
    print(f"{target}: ready after {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
