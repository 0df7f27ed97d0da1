"""The settings module of a PySOA server that brings none: `-s meshsim_pysoa.generated`.

It is one module for all hosts; `SOA_SERVER_SETTINGS` is looked up on the host that asks.
"""

from __future__ import annotations

from typing import Any, Final

from meshsim.kernel.state import current

TABLE: Final = "pysoa.settings"


def __getattr__(name: str) -> Any:
    task = current()
    if name == "SOA_SERVER_SETTINGS" and task is not None and TABLE in task.process.tables:
        return task.process.tables[TABLE]
    message = f"module {__name__!r} has no attribute {name!r}: a host of the scenario has settings here, nobody else"
    raise AttributeError(message)
