"""A PySOA transport without Redis: two mailboxes of the kernel. It leaves the server's own loop as it is."""

from __future__ import annotations

from typing import Any, ClassVar

from conformity import fields
from pysoa.common.transport.base import ReceivedMessage, ServerTransport
from pysoa.common.transport.errors import MessageReceiveTimeout
from pysoa.server.action.base import Action
from pysoa.server.server import Server

from meshsim.kernel import api

RECEIVE_NS = 5_000_000_000


@fields.ClassConfigurationSchema.provider(fields.Dictionary({}))
class MemoryTransport(ServerTransport):
    """Takes requests from one mailbox and puts responses into another; the test sets both."""

    requests: ClassVar[Any] = None
    responses: ClassVar[Any] = None

    def receive_request_message(self) -> ReceivedMessage:
        """Wait as long as PySOA's own transport does."""
        try:
            return ReceivedMessage(*MemoryTransport.requests.get(api.now() + RECEIVE_NS))
        except TimeoutError:
            raise MessageReceiveTimeout from None

    def send_response_message(self, request_id: int, meta: dict[str, Any], body: dict[str, Any]) -> None:
        """Answer."""
        MemoryTransport.responses.put((request_id, meta, body))


class Echo(Action):
    """Answers with what it was sent, after a while, through the server's event loop."""

    def run(self, request: Any) -> dict[str, Any]:
        """Sleep on the event loop's thread, then answer."""
        import asyncio
        import time

        async def nap() -> float:
            await asyncio.sleep(request.body.get("nap", 0))
            return 1.0

        request.run_coroutine(nap()).result()
        time.sleep(request.body.get("sleep", 0))
        return dict(request.body)


class EchoServer(Server):
    """A server with one action."""

    service_name = "echo"
    action_class_map: ClassVar[dict[str, Any]] = {"echo": Echo}  # type: ignore[misc]


SOA_SERVER_SETTINGS = {
    "transport": {"path": f"{__name__}:MemoryTransport"},
    "harakiri": {"timeout": 20, "shutdown_grace": 3},
    "heartbeat_file": None,
}
