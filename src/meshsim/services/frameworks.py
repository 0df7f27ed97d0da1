"""Errors that a framework answers with a 500 of its own, so that its server never hears of them.

Flask and Django tell whoever listens to their `got_request_exception` signal. Starlette raises the exception
again after it has answered, and so needs nothing here.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from meshsim.kernel import api
from meshsim.trace.handling import handling

if TYPE_CHECKING:
    from meshsim.kernel.process import Process

SIGNALS = ("flask.signals", "django.core.signals")


def watch(application: Any, process: Process) -> None:
    """Have the world know of what the application's framework catches, for the life of a process."""

    def receive(_sender: Any = None, **details: Any) -> None:
        error = details.get("exception") or sys.exception()
        task, kernel = api.current_task(), api.kernel()
        if task is None or task.process is not process or kernel.on_unhandled is None or error is None:
            return
        call = handling.get()
        kernel.on_unhandled(process, call.operation if call is not None else "a request", error)

    for name in SIGNALS:
        module = sys.modules.get(name)
        if module is None:
            continue
        signal = module.got_request_exception
        # Django's sender is None for each request; Flask's is the application.
        options = {"sender": application} if name.startswith("flask") else {}
        signal.connect(receive, weak=False, **options)
        process.at_death.append(partial(signal.disconnect, receive))
