"""Jobs as a PySOA server runs them: on whose behalf its code acts, and when it is done."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pysoa.common.constants import ERROR_CODE_ACTION_TIMEOUT
from pysoa.common.logging import PySOALogContextFilter
from pysoa.common.types import JobResponse
from pysoa.server.errors import JobError
from pysoa.server.server import HarakiriInterrupt, Server

from meshsim.kernel import state
from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current
from meshsim.trace.handling import handling
from meshsim_pysoa import calls, replies

if TYPE_CHECKING:
    from meshsim_pysoa.fate import Answer

original_handle_next = Server.handle_next_request
original_create = Server._create_heartbeat_file
original_process_job = Server.process_job
original_unhandled = Server.handle_unhandled_exception
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
    answers = {} if job.fate is None else job.fate.answers
    try:
        if answers:
            response = _answer_partly(server, job_request, answers)
        else:
            response = original_process_job(server, job_request)
    finally:
        handling.reset(before)
    job.handled(response)
    return response


def _answer_partly(server: Any, job_request: dict[str, Any], answers: dict[int, Answer]) -> Any:
    """Answer some actions of a job as a test or a fault says, and have the server run the others, in their order.

    The server runs what lies between two of them as a job, so its middleware never sees an action that is not its.
    """
    whole = JobResponse(context={"correlation_id": job_request["context"].get("correlation_id")})
    actions, go_on = job_request["actions"], job_request["control"].get("continue_on_error", False)
    position = 0
    while position < len(actions):
        if position in answers:
            found = _answer(actions[position], answers[position])
            position += 1
        else:
            end = min((index for index in answers if index > position), default=len(actions))
            found = original_process_job(server, {**job_request, "actions": actions[position:end]})
            position = end
        if found.errors:
            return found
        whole.actions.extend(found.actions)
        failed = [response for response in found.actions if response.errors]
        if failed and (not go_on or failed[-1].errors[0].code == ERROR_CODE_ACTION_TIMEOUT):
            break
    return whole


def _answer(action: dict[str, Any], answer: Answer) -> Any:
    name = action["action"]
    PySOALogContextFilter.set_logging_action_name(name)
    try:
        response = answer(action.get("body") or {})
        response.action = name
        return JobResponse(actions=[response])
    except HarakiriInterrupt:
        message = f'The action "{name}" ran for too long and had to be interrupted.'
        return JobResponse(actions=[replies.failure(name, ERROR_CODE_ACTION_TIMEOUT, message)])
    except JobError as error:
        return JobResponse(errors=error.errors)
    finally:
        PySOALogContextFilter.clear_logging_action_name()


def handle_unhandled_exception(server: Any, exception: Exception, *args: Any, **kwargs: Any) -> Any:
    """Stand in for `Server.handle_unhandled_exception`, where PySOA turns what an action raised into an error."""
    task, kernel = current(), state.kernel
    if task is not None and kernel is not None and kernel.on_unhandled is not None:
        call = handling.get()
        kernel.on_unhandled(task.process, call.operation if call is not None else "a job", exception)
    return original_unhandled(server, exception, *args, **kwargs)


def set_logging_action_name(cls: Any, action_name: str) -> None:
    """Stand in for what a server calls before each action of a job, to name it in its log."""
    original_set_action(cls, action_name)
    job = calls.current_job()
    if job is not None:
        job.running(action_name)


def create_heartbeat_file(server: Any) -> None:
    """Stand in for `Server._create_heartbeat_file`: notes whose file it is, for the moment of its death."""
    original_create(server)
    task = current()
    if task is not None and server._heartbeat_file is not None:
        task.process.at_death.append(partial(_leave_heartbeat, server, state.kernel))


def _leave_heartbeat(server: Any, kernel: Any) -> None:
    """Do what the operating system does at a process's death: close the file, which then grows old.

    The server's own `finally` runs too, because a task is ended by an exception; it must not find the file and tidy up.
    At the end of a world, which no server outlives, this does.
    """
    file, server._heartbeat_file = server._heartbeat_file, None
    if file is None:
        return
    file.close()
    if kernel.world is None or not kernel.world.opened:
        Path(server._heartbeat_file_path).unlink(missing_ok=True)


def patches() -> list[Patch]:
    """Return the patches of `pysoa.server.server`."""
    return [
        Patch(Server, "handle_next_request", handle_next_request),
        Patch(Server, "process_job", process_job),
        Patch(Server, "_create_heartbeat_file", create_heartbeat_file),
        Patch(Server, "handle_unhandled_exception", handle_unhandled_exception),
        Patch(PySOALogContextFilter, "set_logging_action_name", classmethod(set_logging_action_name)),
    ]
