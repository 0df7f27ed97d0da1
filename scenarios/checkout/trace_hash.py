"""The hash that a run of the scenario has, and the libraries that it has it with.

`python scenarios/checkout/trace_hash.py` prints both, `--write` writes them to `trace-hash`, after a change that is
meant.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

from meshsim.runner import run_document
from meshsim.scenario import load

HERE = Path(__file__).parent
# Those whose bytes cross the network: another version of one may say more, or less.
LIBRARIES = (
    "conformity fakeredis fastapi flask hiredis lupa msgpack pysoa redis requests starlette urllib3 werkzeug"
)


def main() -> int:
    """Run it; the exit code says whether it passed."""
    result = run_document(load(HERE))
    text = "\n".join([result.hash, *(f"{name} {version(name)}" for name in LIBRARIES.split())]) + "\n"
    if result.verdict != "pass":
        sys.stdout.write(f"{result.report()}\n")
        return 1
    if "--write" in sys.argv:
        (HERE / "trace-hash").write_text(text)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
