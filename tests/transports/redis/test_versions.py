"""redis-py from 5 on: each release that is named runs the same program in a world, installed beside the suite's own."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("versions_program.py")
# The last of each major version before the pinned one. (5.3 wants PyJWT besides.)
RELEASES = ("5.0.8", "6.4.0", "7.1.0")
EXPECTED = """\
transaction [2, 3]
nothing came for 2.0 s
script 3
heard subscribe message
url True
asyncio 3 1
sentinel 6379 3
refused ConnectionError
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the releases are installed, each in a folder of its own."""
    return tmp_path_factory.mktemp("redis-py")


def installed(version: str, folder: Path) -> Path:
    """Install a release, or skip where no package index is reached."""
    target = folder / version
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    done = subprocess.run(
        [*pip, "--no-deps", "--target", target, f"redis=={version}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"redis-py {version} cannot be installed here: {done.stderr.strip().splitlines()[-1:]}")
    return target


@pytest.mark.parametrize("version", RELEASES)
def test_a_release_runs_the_same_program(version: str, folder: Path) -> None:
    """Commands, pipelines, blocking, scripts, messages, URLs, asyncio and Sentinel do what they do on the newest."""
    env = {**os.environ, "PYTHONPATH": str(installed(version, folder))}
    done = subprocess.run([sys.executable, PROGRAM], env=env, capture_output=True, text=True, check=False)
    assert done.stdout == f"redis-py {version}\n{EXPECTED}", done.stderr


def test_the_suites_own_release_runs_the_same_program() -> None:
    """The text above is what the pinned release prints."""
    done = subprocess.run([sys.executable, PROGRAM], capture_output=True, text=True, check=False)
    version = importlib.metadata.version("redis")
    assert done.stdout == f"redis-py {version}\n{EXPECTED}", done.stderr
