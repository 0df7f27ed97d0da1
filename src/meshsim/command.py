"""What `meshsim run` does: every case and seed that was asked for, and a table where cases are compared."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

from meshsim.errors import UsageError
from meshsim.graph import build
from meshsim.runner import load_saved, run_document
from meshsim.scenario import load

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from meshsim.runner import Result, Saved
    from meshsim.scenario import Document

FAILURES = ".meshsim/failures"
# The worst verdict of several runs is the command's.
RANKS = {"pass": 0, "unknown": 1, "fail": 2}


def run(asked: argparse.Namespace) -> str:
    """Run what the command line asks for, print what came of it, and return the worst verdict.

    Raises:
        ScenarioError: a scenario has mistakes.
        UsageError: the arguments make no sense together.
    """
    saved = None if asked.replay is None else load_saved(asked.replay)
    verdicts = ["pass"]
    table: list[tuple[str, Result]] = []
    for text in asked.scenario:
        path, _, case = text.partition("::")
        for document in _documents(path, [*asked.case, *([case] if case else [])], asked.overrides, saved):
            for seed in _seeds(asked.seed, document, saved):
                result = _one(asked, document, seed, saved)
                verdicts.append(str(result.verdict))
                table.append((_name(path, document, seed), result))
                _tell(asked, *table[-1])
    if len(table) > 1:
        _compare(table)
    return max(verdicts, key=RANKS.__getitem__)


def _documents(path: str, cases: list[str], overrides: list[str], saved: Saved | None) -> Iterable[Document]:
    if saved is not None:
        yield load(path, saved.case, saved.overrides)
        return
    if cases:
        for case in cases:
            yield load(path, case, overrides)
        return
    plain = load(path, None, overrides)
    yield plain
    for case in plain.cases:
        yield load(path, case, overrides)


def _seeds(text: str | None, document: Document, saved: Saved | None) -> range:
    if saved is not None:
        return range(saved.seed, saved.seed + 1)
    graph = build(document)
    if text is None:
        return range(graph.seed, graph.seed + graph.seeds)
    first, plus, count = text.partition("+")
    if not first.isdecimal() or (plus and not (count.isdecimal() and int(count))):
        msg = f"--seed={text!r}: a whole number N, or N+K for K seeds from N on"
        raise UsageError(msg)
    return range(int(first), int(first) + (int(count) if plus else 1))


def _one(asked: argparse.Namespace, document: Document, seed: int, saved: Saved | None) -> Result:
    return run_document(
        document,
        seed,
        saved=saved,
        overrides=asked.overrides,
        policy=asked.policy,
        carrier=asked.carrier,
        allow_network=asked.allow_network,
    )


def _name(path: str, document: Document, seed: int) -> str:
    return f"{path}{'' if document.case is None else f'::{document.case}'} seed {seed}"


def _tell(asked: argparse.Namespace, name: str, result: Result) -> None:
    _say(f"{name}: {result.verdict}: {result.summary}")
    if result.verdict == "pass" or asked.replay is not None:
        if result.verdict != "pass":
            _say(result.report())
        return
    file = result.save(FAILURES)
    _say(result.report())
    again = ["meshsim", "run", name.partition("::")[0].partition(" seed ")[0], f"--replay={file}"]
    _say(f"  replay: {shlex.join(again)}")


def _compare(table: list[tuple[str, Result]]) -> None:
    """Print a line a run and a column an expectation."""
    _say("")
    width = max(len(name) for name, _ in table)
    for name, result in table:
        marks = " ".join(str(line.verdict)[0].upper() for line in result.results)
        _say(f"{name:<{width}}  {result.verdict:<7}  {result.calls:>7} calls  {result.now:>8.1f}s  {marks}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
