"""A PySOA server on a host: its own loop, signals, harakiri and event loop, on virtual time."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from pysoa.client.client import Client
from pysoa.common.logging import PySOALogContextFilter
from pysoa.common.transport.redis_gateway.core import RedisTransportCore

from meshsim.kernel.patches import signals

if TYPE_CHECKING:
    from conftest import EchoHost

NS = 1_000_000_000


def test_an_action_runs_its_coroutine_on_the_servers_event_loop(echo: EchoHost) -> None:
    """An action that sleeps 1.5 s on the event loop and 2 s in its thread answers after 3.5 s."""
    echo.send(1, nap=1.5, sleep=2)
    assert echo.answer()["actions"][0]["body"] == {"nap": 1.5, "sleep": 2}
    assert echo.now_s == 3.5


def test_harakiri_interrupts_an_action_at_the_second_of_its_alarm(echo: EchoHost) -> None:
    """An action that hangs is interrupted by PySOA's own alarm after 20 s, and the server shuts down."""
    echo.send(1, sleep=1000)
    answer = echo.answer()
    assert answer["actions"][0]["errors"][0]["code"] == "ACTION_TIMEOUT"
    assert echo.now_s == 20.0
    echo.kernel.sleep(NS)
    assert echo.returned


def test_sigterm_lets_the_server_finish_its_wait_and_return(echo: EchoHost) -> None:
    """SIGTERM ends the server's loop at the end of its 5 s of waiting, without an error."""
    echo.kernel.sleep(7 * NS)
    signals.deliver(echo.process, signal.SIGTERM)
    assert not echo.returned
    echo.kernel.sleep(4 * NS)
    assert echo.returned
    assert not list(echo.process.living_tasks())


def test_a_host_has_its_own_connections_and_log_name(echo: EchoHost) -> None:
    """What PySOA keeps once a process is seen by the host alone."""
    echo.send(1)
    echo.answer()
    assert PySOALogContextFilter()._service_name is None
    kwargs: dict[str, Any] = {"hosts": [("cache", 6379)]}
    seen: list[bool] = []

    def look(process: Any) -> None:
        def inside() -> None:
            client = Client({"echo": {"transport": _transport(dict(kwargs))}})
            layer = client._get_handler("echo").transport.core.backend_layer  # type: ignore[attr-defined]
            seen.append(
                layer is process.tables["pysoa.backends"][next(iter(process.tables["pysoa.backends"]))]
            )

        echo.kernel.spawn(process, inside)

    first = echo.kernel.boot(echo.kernel.add_host("a/0", "a"))
    second = echo.kernel.boot(echo.kernel.add_host("b/0", "b"))
    look(first)
    look(second)
    echo.kernel.sleep(NS)
    assert seen == [True, True]
    layers = [next(iter(process.tables["pysoa.backends"].values())) for process in (first, second)]
    assert layers[0] is not layers[1]
    assert not vars(RedisTransportCore)["_backend_layer_cache"]._real


def _transport(layer: dict[str, Any]) -> dict[str, Any]:
    path = "pysoa.common.transport.redis_gateway.client:RedisClientTransport"
    return {"path": path, "kwargs": {"backend_type": "redis.standard", "backend_layer_kwargs": layer}}
