"""Jobs and answers as they pass through PySOA's Redis transport, seen and not touched."""

from __future__ import annotations

from typing import Any

from pysoa.common.transport.redis_gateway.core import RedisTransportCore

from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current
from meshsim_pysoa import calls

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
    if current() is None:
        return original_receive(core, queue_name, receive_timeout_in_seconds)
    try:
        message: Any = original_receive(core, queue_name, receive_timeout_in_seconds)
    except BaseException as error:
        if not core.is_server:
            calls.gave_up(queue_name, error)
        raise
    if core.is_server:
        calls.arrived(message.meta.get("reply_to"), message.request_id)
    else:
        calls.answered(queue_name, message.request_id, message.body)
    return message


def patches() -> list[Patch]:
    """Return the patches of `pysoa.common.transport.redis_gateway.core`."""
    return [
        Patch(RedisTransportCore, "send_message", send_message),
        Patch(RedisTransportCore, "receive_message", receive_message),
    ]
