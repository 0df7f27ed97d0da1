"""The command `meshsim`: a thin shell, like the pytest plugin.

Exit codes: 0 everything held, 1 a check failed, 2 a mistake in the usage or in a scenario, 3 unknown.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from meshsim.errors import MeshError, ReplayError, ScenarioError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

PASS, FAIL, USAGE, UNKNOWN = 0, 1, 2, 3
CODES = {"pass": PASS, "fail": FAIL, "unknown": UNKNOWN}
# Services may iterate sets of strings; the seed of their hashes is part of what a run is.
HASH_SEED = "0"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="meshsim", description="Run a graph of real services in one process, on virtual time."
    )
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    run = verbs.add_parser("run", help="run scenarios and say what held")
    run.add_argument(
        "scenario",
        nargs="+",
        metavar="PATH[::CASE]",
        help="a *.mesh.yaml file, or a folder with scenario.mesh.yaml",
    )
    run.add_argument("--case", action="append", default=[], help="only this case; repeatable")
    run.add_argument(
        "--seed", metavar="N[+K]", help="the seed, or K seeds from N on; default: the scenario's"
    )
    run.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="PATH=VALUE",
        help="services.orders.concurrency=16",
    )
    run.add_argument(
        "--policy", choices=("fifo", "random", "pct"), default="random", help="how ready tasks are ordered"
    )
    run.add_argument(
        "--carrier", choices=("greenlet", "thread"), default="greenlet", help="what carries tasks"
    )
    run.add_argument("--replay", metavar="FILE", help="run a saved failure again, exactly")
    run.add_argument("--allow-network", action="store_true", help="lift the fence for real sockets")
    check = verbs.add_parser("check", help="say what is wrong with scenarios, without running them")
    check.add_argument(
        "scenario", nargs="+", metavar="PATH", help="a *.mesh.yaml file, or a folder with scenario.mesh.yaml"
    )
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    if arguments is None and os.environ.get("PYTHONHASHSEED") is None:
        os.environ["PYTHONHASHSEED"] = HASH_SEED
        os.execv(  # noqa: S606 - the same program again, with the hash seed set
            sys.executable, [sys.executable, "-m", "meshsim", *sys.argv[1:]]
        )
    asked = parser().parse_args(arguments)
    try:
        if asked.verb == "check":
            return check(asked.scenario)
        from meshsim.command import run  # noqa: PLC0415 - `check` needs none of it

        return CODES[run(asked)]
    except ScenarioError as error:
        _complain(str(error))
        return USAGE
    except (UsageError, ReplayError) as error:
        _complain(f"meshsim: {error}")
        return USAGE
    except MeshError as error:
        _complain(str(error))
        return FAIL


def check(paths: Sequence[str]) -> int:
    """Print every mistake of some scenarios, and of each of their cases."""
    from meshsim.scenario import mistakes  # noqa: PLC0415 - `--help` needs none of it

    found = [mistake for path in paths for mistake in mistakes(path)]
    for mistake in found:
        _complain(str(mistake))
    if not found:
        _say(f"{len(paths)} {'scenario' if len(paths) == 1 else 'scenarios'}, no mistakes")
    return USAGE if found else PASS


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _complain(text: str) -> None:
    sys.stderr.write(text + "\n")
