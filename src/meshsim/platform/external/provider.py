"""The word `external`: a host that is known by the outside API's own name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.kernel import api
from meshsim.platform.external.script import Script, head_of, unknown
from meshsim.transports.http import calls
from meshsim.transports.http.server import HttpServer

if TYPE_CHECKING:
    from meshsim.graph import PlatformSpec
    from meshsim.kernel.host import Host
    from meshsim.transports.http.codec import ResponseHead
    from meshsim.transports.http.server import Exchange
    from meshsim.world import World

PORT = 80


class External:
    """An outside API.

    Args:
        world: the world it is in.
        spec: `host`, the name by which services call it, and `responses`.

    Attributes:
        port: where it listens; 443 leads there too.
        hosts: its one host.
    """

    word = "external"
    port = PORT

    def __init__(self, world: World, spec: PlatformSpec) -> None:
        self.name = spec.name
        self._world = world
        self._script = Script(spec.options["responses"])
        self._stream = world.streams.get(f"external:{spec.name}")
        self.host: Host = world.add_host(spec.name, spec.name, PORT)
        self.hosts = [self.host]
        world.fabric.names.alias(str(spec.options["host"]), spec.name)

    def boot(self) -> None:
        """Begin to answer."""
        process = self._world.kernel.boot(self.host)
        HttpServer(self._world.fabric, process, PORT, self._start)

    def restart(self, host: Host) -> None:
        """Boot again after a crash."""
        if not host.alive:
            self.boot()

    def _start(self, exchange: Exchange) -> None:
        """Answer when all of the request is there; on the hub, because nothing of it is a user's code."""
        if exchange.complete:
            self._answer(exchange)
            return

        def more() -> None:
            exchange.chunks.clear()
            if exchange.lost:
                exchange.finish(intact=False)
            elif exchange.complete:
                exchange.on_event = None
                self._answer(exchange)

        exchange.on_event = more

    def _answer(self, exchange: Exchange) -> None:
        operation = f"{exchange.head.method} {exchange.head.target.partition('?')[0]}"
        reply = self._script.next_reply(operation)
        if reply is None:
            self._world.recorder.event(
                "unhandled", self.name, f"no reply to {operation} in the scenario", error="NoReply"
            )
            self._send(exchange, unknown(operation, self.name, self._script.operations()))
        elif reply.delay is None:
            self._send(exchange, head_of(reply))
        else:
            api.call_at(api.now() + reply.delay.sample(self._stream), self._send, exchange, head_of(reply))

    def _send(self, exchange: Exchange, head: ResponseHead) -> None:
        exchange.send(head)
        calls.handled(exchange.head, head.status)
        exchange.finish()
