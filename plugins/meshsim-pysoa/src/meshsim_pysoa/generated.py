"""The settings module of a PySOA server that brings none: `-s meshsim_pysoa.generated`.

It is one module for all hosts; `SOA_SERVER_SETTINGS` is looked up on the host that asks.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

from meshsim.kernel import state
from meshsim_pysoa import calls

TABLE: Final = "pysoa.settings"


def __getattr__(name: str) -> Any:
    task = state.current()
    settings = {} if task is None else calls.world_table(TABLE)
    if name == "SOA_SERVER_SETTINGS" and task is not None and task.host in settings:
        # A copy for each process: PySOA's transports change the dictionaries that they are given.
        return deepcopy(settings[task.host])
    message = f"module {__name__!r} has no attribute {name!r}: a host of the scenario has settings here, nobody else"
    raise AttributeError(message)
