"""The real arm, as a program of its own: runs every body and prints what each returned, as JSON."""

from __future__ import annotations

import json
import multiprocessing
import sys
import traceback
from typing import Any

from tests.parity.multiprocessing.bodies import BODIES


def plain(found: Any) -> Any:
    """Return a body's result as JSON has it, so that both arms are compared alike."""
    return json.loads(json.dumps(found, default=repr))


def main(method: str) -> None:
    """Run every body."""
    context = multiprocessing.get_context(method)
    results = {}
    for name, body in BODIES.items():
        try:
            results[name] = plain(body(context))
        except Exception:  # noqa: BLE001 - a body that fails is told as its result
            results[name] = traceback.format_exc()
    sys.stdout.write("\n" + json.dumps(results) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
