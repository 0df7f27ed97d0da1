"""What becomes of a job before its server sees it: stubs and faults at its actions.

They stand where the server takes the job from its list, so that the caller's real client, Redis, and the links to it
are all in between. A lost job is as good as never taken; one that is held up waits beside the server, which takes
others meanwhile; an action that is answered here never reaches the server's middleware or code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Final

from meshsim.kernel import api, state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from meshsim.faults import ErrorReply
    from meshsim_pysoa.calls import Job

    Answer = Callable[[Mapping[str, Any]], Any]

ROUTES: Final = "pysoa.routes"
HELD: Final = "pysoa.held"
SERVER_ERROR: Final = "SERVER_ERROR"


@dataclass(slots=True)
class Fate:
    """What becomes of one job.

    Attributes:
        drop: whether it is lost. A job travels as one message, so one action's loss is that of all.
        delay_ns: how long it is held up; the delays of its actions add up.
        answers: by the number of the action, who answers it instead of the server: given the action's body, returns
            a PySOA ActionResponse or raises as an action may.
    """

    drop: bool = False
    delay_ns: int = 0
    answers: dict[int, Answer] = field(default_factory=dict)


def decide(job: Job, host: str) -> Fate | None:
    """Return what becomes of a job on the host that took it; None for nothing."""
    kernel = state.kernel
    world = getattr(kernel, "world", None)
    if kernel is None or world is None:
        return None
    routes = kernel.home.tables.get(ROUTES, ())
    interceptions = world.nemesis.interceptions
    if not routes and not interceptions.standing:
        return None
    fate = Fate()
    for index, call in enumerate(job.calls):
        stub = next(
            (route for route in routes if route.selector.matches(call.caller, host, call.operation)), None
        )
        if stub is not None:
            stub.calls.append(call)
            fate.drop |= stub.answer is None
            if stub.answer is not None:
                fate.answers[index] = stub.answer
            continue
        found = interceptions.for_call(call.caller, host, call.operation)
        if found is None:
            continue
        fate.drop |= found.drop
        fate.delay_ns += found.delay_ns
        if found.error is not None:
            fate.answers[index] = _error_of(call.operation, found.error)
    return fate


def _error_of(action: str, error: ErrorReply) -> Answer:
    def answer(_body: Mapping[str, Any]) -> Any:
        from meshsim_pysoa import replies  # noqa: PLC0415 - it imports PySOA, which is there by now

        return replies.failure(action, error.code or SERVER_ERROR, error.text or "an error that a fault sent")

    return answer


# -- jobs that are held up ----------------------------------------------------------------------------------------


def hold(job: Job, message: Any, delay_ns: int) -> None:
    """Keep a message on the calling host until its delay is over."""
    queue = _held()
    # The serial keeps equal moments in the order of arrival; messages themselves do not compare.
    heappush(queue, (api.now() + delay_ns, job.serial, job, message))


def release() -> tuple[Job, Any] | None:
    """Return the message whose delay is over, the longest due first; None when there is none."""
    queue = _held()
    if not queue or queue[0][0] > api.now():
        return None
    _, _, job, message = heappop(queue)
    return job, message


def next_due_ns() -> int | None:
    """Return how long the calling host's next held message has to wait; None when it has none."""
    queue = _held()
    return max(0, queue[0][0] - api.now()) if queue else None


def _held() -> list[tuple[int, int, Job, Any]]:
    task = api.current_task()
    if task is None:
        return []
    found: list[tuple[int, int, Job, Any]] = task.process.tables.setdefault(HELD, [])
    return found
