"""Runs one test body in two places, a world and the operating system, and compares what came of it."""

from __future__ import annotations

import re
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "transports" / "http"))
sys.path.insert(0, str(Path(__file__).parents[2] / "transports" / "tcp"))
sys.path.insert(0, str(Path(__file__).parent))

from socket_world import SocketWorld

if TYPE_CHECKING:
    from collections.abc import Callable

REAL_LIMIT_S = 20


def _described(value: Any) -> Any:
    if isinstance(value, BaseException):
        number = getattr(value, "errno", None)
        text = re.sub(r"_ssl\.c:\d+(: )?", "", str(value))
        text = re.sub(r"\('127\.0\.0\.1', \d+\)|\d{4,}", "N", text)
        return f"{type(value).__name__}[{number}] {text}"
    if isinstance(value, (list, tuple)):
        return [_described(part) for part in value]
    return value


def _outcome(body: Callable[[], Any]) -> Any:
    try:
        return _described(body())
    except Exception as error:  # noqa: BLE001 - the exception is what is compared
        return _described(error)


def _really(body: Callable[[], Any]) -> Any:
    """Run a body for real, in a thread, so that one that hangs does not take the tests along."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(_outcome(body)), daemon=True)
    thread.start()
    thread.join(REAL_LIMIT_S)
    return found[0] if found else "hangs"


@pytest.fixture(params=["greenlet", "thread"])
def both(request: pytest.FixtureRequest) -> Callable[[Callable[[], Any]], tuple[Any, Any]]:
    """Return a function that runs a body in a world and for real."""

    def run(body: Callable[[], Any]) -> tuple[Any, Any]:
        with SocketWorld(request.param):
            simulated = _outcome(body)
        return simulated, _really(body)

    return run
