"""The log records of a world, by the host that made them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from meshsim.kernel import state

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.world import World

# Frameworks that answer 500 for an exception they caught: the record says what the handler did not handle.
# (logger name or None for any, function that logs, module that logs)
SWALLOWERS = frozenset(
    {
        ("log_exception", "flask.app"),
        ("log_exception", "flask.sansio.app"),
        ("log_response", "django.utils.log"),
        ("_call_behavior", "grpc._server"),
        ("_take_response_from_response_iterator", "grpc._server"),
    }
)
KEPT_MAX = 100_000


class Logs:
    """Collects records as they are made, whatever handlers a service has."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._factory: Callable[..., logging.LogRecord] = logging.getLogRecordFactory()
        self.records: list[tuple[str, logging.LogRecord]] = []

    def enter(self) -> None:
        """Begin to collect."""
        self._factory = logging.getLogRecordFactory()
        logging.setLogRecordFactory(self._make)

    def leave(self) -> None:
        """Stop."""
        logging.setLogRecordFactory(self._factory)

    def _make(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._factory(*args, **kwargs)
        task = state.current()
        if task is not None and len(self.records) < KEPT_MAX:
            self.records.append((task.host, record))
            if record.exc_info and record.levelno >= logging.ERROR and _swallowed(record):
                self._world.unhandled(task.process, f"handler ({record.name})", record.exc_info[1])
        return record


def _swallowed(record: logging.LogRecord) -> bool:
    module = record.pathname.rpartition("site-packages/")[2].removesuffix(".py").replace("/", ".")
    return (record.funcName or "", module) in SWALLOWERS
