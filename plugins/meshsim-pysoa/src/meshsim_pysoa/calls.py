"""A call in the trace for each action of a job, from the client that sends it to the client that has the answer.

A job and its answer are told apart by the list that the answer goes to and the request's number: PySOA puts a
client's uuid and its thread into the one and counts the other, so the pair is unique in a world.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from meshsim.kernel import state
from meshsim.trace.handling import handling
from meshsim.trace.message import Message
from meshsim.transports.http.calls import recorder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from meshsim.trace.call import Call
    from meshsim_pysoa.fate import Fate

ROOM: Final = "pysoa"
OPEN: Final = "pysoa.open"
NAMES: Final = "pysoa.names"
JOB: Final = "pysoa.job"
LOOPING: Final = "pysoa.looping"
NS_PER_S: Final = 1_000_000_000


def world_table(name: str) -> dict[Any, Any]:
    """Return a table that lives as long as the world."""
    kernel = state.kernel
    if kernel is None:
        return {}
    found: dict[Any, Any] = kernel.home.tables.setdefault(name, {})
    return found


class Job:
    """One job that is under way, with a call for each of its actions.

    Attributes:
        serial: tells jobs of a world apart: the number of its first call.
        fate: what becomes of it before its server sees it; None for nothing.
    """

    __slots__ = ("_next", "calls", "fate", "queue", "serial")

    def __init__(self, queue: str, calls: list[Call]) -> None:
        self.queue = queue
        self.calls = calls
        self.serial = calls[0].id if calls else 0
        self.fate: Fate | None = None
        self._next = 0

    def failed(self, error: BaseException) -> None:
        """Note that the caller has an exception instead of an answer."""
        found = recorder()
        for call in self.calls:
            if found is not None and call.ended_ns is None:
                found.call_failed(call, f"{type(error).__name__}: {error}")

    def arrived(self, host: str) -> None:
        """Note that a server took the job from its queue."""
        found = recorder()
        for call in self.calls:
            if found is not None and call.received_ns is None:
                found.call_received(call, host)
        self._next = 0

    def running(self, action: str) -> None:
        """Note which action runs: what its code does from here on is done on its behalf."""
        for index in range(self._next, len(self.calls)):
            if self.calls[index].operation == action:
                self._next = index + 1
                handling.set(self.calls[index])
                return

    def handled(self, response: Any) -> None:
        """Note that the server is done with the job."""
        found = recorder()
        for index, call in enumerate(self.calls):
            if found is not None and call.handled_ns is None:
                actions = response.actions
                errors = response.errors or (actions[index].errors if index < len(actions) else ())
                found.call_handled(call, status_of([_error_fields(error) for error in errors]))

    def answered(self, response: Mapping[str, Any]) -> None:
        """Note that the caller has the answer."""
        found = recorder()
        actions = response.get("actions") or ()
        for index, call in enumerate(self.calls):
            if found is None or call.replied_ns is not None:
                continue
            answer = actions[index] if index < len(actions) else {}
            errors = response.get("errors") or answer.get("errors") or ()
            if not errors and index >= len(actions):
                found.call_failed(call, "not run: an action before it went wrong")
                continue
            status = status_of(errors)
            text = (
                ""
                if status == "ok"
                else "; ".join(f"{error['code']}: {error['message']}" for error in errors)
            )
            body = {"errors": list(errors)} if errors else answer.get("body")
            found.call_replied(call, status, Message(body=body), text)


def status_of(errors: Sequence[Mapping[str, Any]]) -> str:
    """Say how an action went: `ok`, or the code of the first error that is the service's own.

    A caller's error is answered properly, as HTTP's 4xx are.
    """
    return next((str(error["code"]) for error in errors if not error.get("is_caller_error")), "ok")


def begin(  # noqa: PLR0917 - what there is to know of a job
    caller: str,
    service_name: str,
    queue: str,
    request_id: int,
    body: Mapping[str, Any],
    timeout_s: float,
) -> Job | None:
    """Note that a job leaves its caller; None where nothing is recorded.

    Args:
        caller: the host that calls.
        service_name: PySOA's name of the service.
        queue: where the answer goes.
        request_id: what the client counts.
        body: the job request.
        timeout_s: when the caller gives up.
    """
    found = recorder()
    if found is None:
        return None
    context = body.get("context") or {}
    correlation = str(context.get("correlation_id") or "")
    target = world_table(NAMES).get(service_name, service_name)
    calls = [
        found.call_sent(
            ROOM,
            caller,
            target,
            str(action["action"]),
            request=Message(headers=[("correlation-id", correlation)], body=action.get("body")),
            deadline_ns=found.now() + round(timeout_s * NS_PER_S),
            parent=handling.get(),
            origin=correlation,
        )
        for action in body["actions"]
    ]
    job = Job(queue, calls)
    world_table(OPEN)[queue, request_id] = job
    return job


def arrived(queue: str | None, request_id: int) -> Job | None:
    """Note on a server that it took a job; what its thread does next is that job, if it is one that we know."""
    task = state.current()
    if task is None:
        return None
    job = world_table(OPEN).get((queue, request_id))
    if job is not None:
        job.arrived(task.host)
    task.process.tables.setdefault(JOB, {})[task.serial] = job
    return job


def current_job() -> Job | None:
    """Return the job that the calling thread of a server took last."""
    task = state.current()
    return None if task is None else task.process.tables.get(JOB, {}).get(task.serial)


def resume(job: Job | None) -> None:
    """Go back to a job that was interrupted by one in the same thread."""
    task = state.current()
    if task is not None:
        task.process.tables.setdefault(JOB, {})[task.serial] = job


def sent_for_good(job: Job) -> None:
    """Note that a job was sent whose caller wants no answer."""
    found = recorder()
    for call in job.calls:
        if found is not None and call.ended_ns is None:
            found.call_replied(call, "ok")


def answered(queue: str, request_id: int, response: Mapping[str, Any]) -> None:
    """Note on a client that an answer came."""
    job = world_table(OPEN).pop((queue, request_id), None)
    if job is not None:
        job.answered(response)


def gave_up(queue: str, error: BaseException) -> None:
    """Note on a client that it stopped waiting for what is under way to one of its lists.

    The job stays known: PySOA's futures may be asked again, and then the answer counts.
    """
    for (where, _), job in list(world_table(OPEN).items()):
        if where == queue:
            job.failed(error)


def _error_fields(error: Any) -> dict[str, Any]:
    return {"code": error.code, "message": error.message, "is_caller_error": error.is_caller_error}
