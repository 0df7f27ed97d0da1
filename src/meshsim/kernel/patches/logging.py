"""The logging of the runner, kept whole while services configure theirs.

A service's `dictConfig` closes every handler of the process and disables every logger that it does not name:
pytest's capture among them. Inside a world the list of handlers is another one, and what loggers had before is
put back after it. Within a world, services of one process still share loggers by name, as they share
`logging` itself; records are told apart by the host that makes them.
"""

from __future__ import annotations

import logging
import weakref
from typing import Any

from meshsim.kernel.task import Killed


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a thread of a pool ended by anything but the end of its host, of which it would tell as critical."""
    return record.exc_info is None or not isinstance(record.exc_info[1], Killed)


class LoggingState:
    """What `logging` was before a world."""

    def __init__(self) -> None:
        self._loggers: list[tuple[logging.Logger, int, list[logging.Handler], bool, bool, list[Any]]] = []
        self._known: frozenset[str] = frozenset()
        self._module: tuple[Any, ...] = ()

    def enter(self) -> None:
        """Remember it, and give the world a list of handlers of its own."""
        pools = logging.getLogger("concurrent.futures")
        manager = logging.Logger.manager
        loggers = [
            logging.root,
            *(found for found in manager.loggerDict.values() if isinstance(found, logging.Logger)),
        ]
        self._loggers = [
            (logger, logger.level, logger.handlers[:], logger.propagate, logger.disabled, logger.filters[:])
            for logger in loggers
        ]
        self._known = frozenset(manager.loggerDict)
        self._module = (
            logging._handlers,  # type: ignore[attr-defined]
            logging._handlerList,  # type: ignore[attr-defined]
            manager.disable,
            logging.lastResort,
            logging.raiseExceptions,
            logging.getLoggerClass(),
        )
        logging._handlers = weakref.WeakValueDictionary()  # type: ignore[attr-defined]
        logging._handlerList = []  # type: ignore[attr-defined]
        pools.addFilter(_is_news)

    def leave(self) -> None:
        """Put it back; loggers that appeared in the world lose their handlers, which belong to it."""
        manager = logging.Logger.manager
        for name, logger in manager.loggerDict.items():
            if name not in self._known and isinstance(logger, logging.Logger):
                logger.handlers.clear()
                logger.filters.clear()
                logger.level, logger.propagate, logger.disabled = logging.NOTSET, True, False
        for logger, level, handlers, propagate, disabled, filters in self._loggers:
            logger.level, logger.propagate, logger.disabled = level, propagate, disabled
            logger.handlers[:] = handlers
            logger.filters[:] = filters
        handlers, listed, manager.disable, logging.lastResort, logging.raiseExceptions, kind = self._module
        logging._handlers, logging._handlerList = handlers, listed  # type: ignore[attr-defined]
        logging.setLoggerClass(kind)
        manager._clear_cache()  # type: ignore[attr-defined]
        self._loggers.clear()
