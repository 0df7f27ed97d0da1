"""Write constraints/pins.txt from what is installed in the environments given: names and versions, no more.

A lock file would also hold the addresses that files came from, and hashes of files that another index may
not have. Names and versions say what was tested, on any index. A package whose newest version for one Python
is not the newest for another gets a marker; a pin of what is not installed does nothing, so it needs none.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

PINS = Path(__file__).resolve().parents[1] / "constraints" / "pins.txt"
# pip and setuptools come with the interpreter and are left as they are; ours are installed from here.
UNPINNED = ("pip", "setuptools", "meshsim")
# redis wants it before Python 3.11.3, as Debian 12 has; whoever pins may have a later one.
OLDER_PYTHONS = {"async-timeout": "5.0.1"}
HEADER = """\
# What meshsim is tested with. Made by `make pins`; the Makefile installs everything under it.
"""


def installed(python: str) -> tuple[str, dict[str, str]]:
    """Return an environment's Python, as "3.11", and the version of each package in it."""
    version = subprocess.run(
        [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        capture_output=True,
        check=True,
        text=True,
    )
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format=json"], capture_output=True, check=True, text=True
    )
    packages = {
        entry["name"].lower().replace("_", "-"): entry["version"] for entry in json.loads(listed.stdout)
    }
    return version.stdout.strip(), {
        name: packages[name] for name in packages if not name.startswith(UNPINNED)
    }


def lines(environments: dict[str, dict[str, str]]) -> list[str]:
    """Return the constraints that reproduce all the environments."""
    pythons: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for python, packages in sorted(environments.items()):
        for name, version in packages.items():
            pythons[name][version].append(python)
    found = []
    for name, versions in sorted(pythons.items()):
        for version, where in versions.items():
            marker = " or ".join(f'python_version == "{python}"' for python in where)
            found.append(f"{name}=={version}" + (f" ; {marker}" if len(versions) > 1 else ""))
    return found


def main(pythons: list[str]) -> None:
    """Pin what is installed for the given interpreters."""
    environments = dict(installed(python) for python in pythons)
    for packages in environments.values():
        packages.update(OLDER_PYTHONS)
    PINS.write_text(HEADER + "\n".join(lines(environments)) + "\n")
    print(f"{PINS.name}: {len(lines(environments))} pins from {', '.join(sorted(environments))}")


if __name__ == "__main__":
    main(sys.argv[1:])
