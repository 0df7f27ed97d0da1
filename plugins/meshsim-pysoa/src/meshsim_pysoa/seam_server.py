"""Jobs as a PySOA server runs them: on whose behalf its code acts, and when it is done."""

from __future__ import annotations

from typing import Any

from pysoa.common.logging import PySOALogContextFilter
from pysoa.server.server import Server

from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current
from meshsim.transports.http.calls import handling
from meshsim_pysoa import calls

original_handle_next = Server.handle_next_request
original_process_job = Server.process_job
original_set_action = vars(PySOALogContextFilter)["set_logging_action_name"].__func__


def handle_next_request(server: Any) -> None:
    """Stand in for `Server.handle_next_request`, one turn of its loop: from the first one on the host is up."""
    task = current()
    if task is not None:
        task.process.tables[calls.LOOPING] = True
    original_handle_next(server)


def process_job(server: Any, job_request: dict[str, Any]) -> Any:
    """Stand in for `Server.process_job`."""
    job = calls.current_job()
    if job is None:
        return original_process_job(server, job_request)
    before = handling.set(job.calls[0])
    try:
        response = original_process_job(server, job_request)
    finally:
        handling.reset(before)
    job.handled(response)
    return response


def set_logging_action_name(cls: Any, action_name: str) -> None:
    """Stand in for what a server calls before each action of a job, to name it in its log."""
    original_set_action(cls, action_name)
    job = calls.current_job()
    if job is not None:
        job.running(action_name)


def patches() -> list[Patch]:
    """Return the patches of `pysoa.server.server`."""
    return [
        Patch(Server, "handle_next_request", handle_next_request),
        Patch(Server, "process_job", process_job),
        Patch(PySOALogContextFilter, "set_logging_action_name", classmethod(set_logging_action_name)),
    ]
