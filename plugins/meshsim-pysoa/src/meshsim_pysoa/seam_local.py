"""Jobs that a client hands to a server in its own thread, by PySOA's local transport."""

from __future__ import annotations

from typing import Any

from pysoa.common.transport.local import LocalClientTransport

from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current
from meshsim_pysoa import calls

original_send = LocalClientTransport.send_request_message


def send_request_message(
    transport: Any, request_id: int, meta: dict[str, Any], body: dict[str, Any], expiry: int | None = None
) -> None:
    """Stand in for `LocalClientTransport.send_request_message`, which returns when the job is done."""
    task = current()
    if task is None:
        return original_send(transport, request_id, meta, body, expiry)
    # A list of its own, as it were: nobody else can answer what never leaves the thread.
    queue = f"local.{task.host}.{task.serial}"
    job = calls.begin(task.host, transport.service_name, queue, request_id, body, float(expiry or 0))
    before = calls.current_job()
    calls.arrived(queue, request_id)
    try:
        original_send(transport, request_id, meta, body, expiry)
    except BaseException as error:
        if job is not None:
            job.failed(error)
        raise
    finally:
        calls.resume(before)
    if transport.response_messages:
        calls.answered(queue, request_id, transport.response_messages[-1].body)
    return None


def patches() -> list[Patch]:
    """Return the patches of `pysoa.common.transport.local`."""
    return [Patch(LocalClientTransport, "send_request_message", send_request_message)]
