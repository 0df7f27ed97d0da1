"""Jobs and answers as they pass through PySOA's Redis transport: seen, and touched by faults alone."""

from __future__ import annotations

from typing import Any, Final

from pysoa.common.transport.errors import MessageReceiveTimeout
from pysoa.common.transport.redis_gateway.core import RedisTransportCore

from meshsim.kernel import api
from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current
from meshsim_pysoa import calls, fate

NS_PER_S: Final = 1_000_000_000
SHORTEST_WAIT_NS: Final = 1_000_000
# To the server a job that is lost or held up is none: it goes on as after a wait in which nothing came.
LOST: Final = "a job was taken that its server does not see yet, or never will"

original_send = RedisTransportCore.send_message
original_receive = RedisTransportCore.receive_message


def send_message(  # noqa: PLR0917 - PySOA's signature
    core: Any,
    queue_name: str,
    request_id: int,
    meta: dict[str, Any],
    body: dict[str, Any],
    message_expiry_in_seconds: int | None = None,
) -> None:
    """Stand in for `RedisTransportCore.send_message`: a client's job becomes calls, then it is sent."""
    task = current()
    if task is None or core.is_server or "reply_to" not in meta:
        return original_send(core, queue_name, request_id, meta, body, message_expiry_in_seconds)
    timeout_s = message_expiry_in_seconds or core.receive_timeout_in_seconds
    job = calls.begin(task.host, core.service_name, meta["reply_to"], request_id, body, timeout_s)
    if job is None:
        return original_send(core, queue_name, request_id, meta, body, message_expiry_in_seconds)
    try:
        original_send(core, queue_name, request_id, meta, body, message_expiry_in_seconds)
    except BaseException as error:
        job.failed(error)
        raise
    if (body.get("control") or {}).get("suppress_response"):
        calls.sent_for_good(job)
    return None


def receive_message(core: Any, queue_name: str, receive_timeout_in_seconds: int | None = None) -> Any:
    """Stand in for `RedisTransportCore.receive_message`: notes what came, and on a client what did not."""
    task = current()
    if task is None:
        return original_receive(core, queue_name, receive_timeout_in_seconds)
    if core.is_server:
        return _take_job(core, queue_name, receive_timeout_in_seconds, task.host)
    try:
        message: Any = original_receive(core, queue_name, receive_timeout_in_seconds)
    except BaseException as error:
        calls.gave_up(queue_name, error)
        raise
    calls.answered(queue_name, message.request_id, message.body)
    return message


def _take_job(core: Any, queue_name: str, timeout_s: float | None, host: str) -> Any:
    """Return a server's next job: one that was held up and is due, or the next one of its list."""
    due_ns = fate.next_due_ns()
    if due_ns is not None:
        timeout_s = min(timeout_s or core.receive_timeout_in_seconds, due_ns / NS_PER_S)
        if due_ns < SHORTEST_WAIT_NS:
            # Redis counts in milliseconds, and takes 0 for ever.
            api.sleep(due_ns)
            return _released(core)
    try:
        # Redis takes fractions of a second from 6.0 on, and so does redis-py.
        message: Any = original_receive(core, queue_name, timeout_s)  # type: ignore[arg-type]
    except MessageReceiveTimeout:
        if fate.next_due_ns() == 0:
            return _released(core)
        raise
    job = calls.arrived(message.meta.get("reply_to"), message.request_id)
    job_fate = None if job is None else fate.decide(job, host)
    if job is None or job_fate is None:
        return message
    job.fate = job_fate
    if job_fate.drop:
        raise MessageReceiveTimeout(LOST)
    if job_fate.delay_ns:
        fate.hold(job, message, job_fate.delay_ns)
        raise MessageReceiveTimeout(LOST)
    return message


def _released(core: Any) -> Any:
    found = fate.release()
    if found is None:
        raise MessageReceiveTimeout(LOST)
    job, message = found
    if core._is_message_expired({"meta": message.meta}):
        raise MessageReceiveTimeout(f"Message expired for service {core.service_name}")
    calls.resume(job)
    return message


def patches() -> list[Patch]:
    """Return the patches of `pysoa.common.transport.redis_gateway.core`."""
    return [
        Patch(RedisTransportCore, "send_message", send_message),
        Patch(RedisTransportCore, "receive_message", receive_message),
    ]
