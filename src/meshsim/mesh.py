"""What a test does with a world that is open: clients, time, faults, stubs, a look inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim import clients
from meshsim.core.selector import parse_selector
from meshsim.core.units import parse_duration
from meshsim.errors import UnsettledError, UnsupportedOperation, UsageError
from meshsim.graph import build_fault
from meshsim.handles import STARTED, HostHandle, OnHost, Started
from meshsim.kernel import stuck
from meshsim.trace.flight import in_flight

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping

    import requests
    from grpc import Channel
    from grpc.aio import Channel as AioChannel
    from httpx import AsyncClient, Client
    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis
    from zmq import Context, Socket

    from meshsim.core.streams import Streams
    from meshsim.faults.fault import Fault
    from meshsim.faults.nemesis import Nemesis
    from meshsim.kernel.scheduler import Kernel
    from meshsim.kernel.simulation import Simulation
    from meshsim.logs import Logs
    from meshsim.network.fabric import Fabric
    from meshsim.scenario import Document
    from meshsim.services.boot import Service
    from meshsim.trace import Recorder
    from meshsim.transports.http.stubs import Route

NANOSECONDS = 1_000_000_000
# What a task that handles something may stand in; the others wait for their next piece of work.
BUSY_WAITS = ("", "sleep")
TASKS_SHOWN = 4


def to_ns(duration: str | float) -> int:
    """Return a duration in nanoseconds: a text with its unit, or seconds."""
    return parse_duration(duration) if isinstance(duration, str) else round(duration * NANOSECONDS)


class Mesh:
    """The part of a `World` that tests use; the parts that it works with are the world's."""

    services: dict[str, Service]
    platforms: dict[str, Any]
    simulation: Simulation
    streams: Streams
    fabric: Fabric
    recorder: Recorder
    nemesis: Nemesis
    started_ns: int
    _logs: Logs

    @property
    def kernel(self) -> Kernel:
        """The tasks and the clock."""
        raise NotImplementedError

    @property
    def document(self) -> Document:
        """The scenario, validated."""
        raise NotImplementedError

    @property
    def now(self) -> float:
        """Seconds of virtual time since everything was up."""
        return (self.kernel.now - self.started_ns) / NANOSECONDS

    @property
    def hash(self) -> str:
        """The hash over everything that happened so far."""
        return self.recorder.hash

    @property
    def logs(self) -> list[tuple[str, logging.LogRecord]]:
        """(host, record) of every log record so far."""
        return self._logs.records

    @property
    def random(self) -> Any:
        """A stream of the seed for the test's own draws."""
        return self.streams.get("workload")

    def run_for(self, duration: str | float) -> None:
        """Let virtual time pass: `"10s"`, or a number of seconds."""
        self.kernel.sleep(to_ns(duration))

    def run_until(
        self, predicate: Callable[[], object], timeout: str | float = "60s", every: str | float = "10ms"
    ) -> None:
        """Let virtual time pass until `predicate()` is true.

        Raises:
            TimeoutError: it was not true within `timeout` of virtual time.
        """
        kernel = self.kernel
        deadline = kernel.now + to_ns(timeout)
        while not predicate():
            if kernel.now >= deadline:
                name = getattr(predicate, "__name__", repr(predicate))
                msg = f"{name} was not true within {timeout} of virtual time"
                raise TimeoutError(msg)
            kernel.sleep(to_ns(every))

    def start(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Started:
        """Start a call on the host `test` and go on; the result has `.result()` and `.done`."""
        return Started(self, function, args, kwargs)

    def host(self, name: str) -> HostHandle:
        """Return a host to crash, restart, pause, look into."""
        return HostHandle(self, name)

    def on(self, name: str) -> OnHost:
        """Return a context in which the test's code runs as a host."""
        return OnHost(self, HostHandle(self, name).machine)

    # -- clients on the host `test` ---------------------------------------------------------------------

    def http(self, name: str) -> requests.Session:
        """Return a requests session whose relative URLs lead to a service."""
        return clients.http(self, name)

    def httpx(self, name: str, **options: Any) -> Client:
        """Return an httpx client of a service."""
        return clients.httpx_client(self, name, **options)

    def httpx_async(self, name: str, **options: Any) -> AsyncClient:
        """Return an asyncio httpx client of a service."""
        return clients.httpx_async_client(self, name, **options)

    def grpc(self, name: str, **options: Any) -> Channel:
        """Return a gRPC channel to a service."""
        return clients.grpc_channel(self, name, **options)

    def grpc_aio(self, name: str, **options: Any) -> AioChannel:
        """Return an asyncio gRPC channel to a service."""
        return clients.grpc_aio_channel(self, name, **options)

    def redis(self, name: str, **options: Any) -> Redis:
        """Return a redis-py client of a Redis of the platform."""
        return clients.redis_client(self, name, **options)

    def redis_async(self, name: str, **options: Any) -> AsyncRedis:
        """Return an asyncio redis-py client of a Redis of the platform."""
        return clients.redis_async_client(self, name, **options)

    def zmq(self) -> Context[Socket[bytes]]:
        """Return a ZeroMQ context on the host `test`: `mesh.zmq().socket(zmq.REQ)`."""
        return clients.zmq_context()

    def client(self, name: str) -> Any:
        """Return the client that a service's adapter gives: a PySOA client, a requests session, ..."""
        return clients.client(self, name)

    # -- faults -----------------------------------------------------------------------------------------

    def fault(self, spec: Mapping[str, object] | None = None, /, **words: object) -> Fault:
        """Inject a fault: a scenario's mapping, or its words as keywords (`for_="3s"`); starts now.

        Raises:
            ScenarioError: the words do not make a fault.
        """
        return self.nemesis.inject(build_fault(self.document, {**(spec or {}), **words}))

    def partition(self, *parties: str, for_: str | None = None, oneway: bool = False) -> Fault:
        """Cut two parties off from each other; also a context manager, with `.heal()` and `.fired`."""
        words: dict[str, object] = {"partition": {"to": list(parties), "oneway": oneway}}
        if for_ is not None:
            words["for"] = for_
        return self.fault(words)

    def stub(self, selector: str, **answer: Any) -> Route:
        """Answer calls instead of the service: `reply=`, `error=` or `side_effect=`; returns a route.

        Args:
            selector: which calls, as `"mail POST /v1/messages"` or `"storefront -> stock"`.
            answer: see `meshsim.transports.http.stubs.stub`, or what the service's adapter has.

        Raises:
            UsageError: nobody is called that, or the words make no answer.
            UnsupportedOperation: the service speaks a protocol that has no stubs.
        """
        parsed = parse_selector(selector)
        name = parsed.target.name
        service = self.services.get(name)
        if service is None and name not in self.platforms:
            msg = (
                f"{selector!r}: no service {name!r}; there are {', '.join([*self.services, *self.platforms])}"
            )
            raise UsageError(msg)
        if service is not None and hasattr(service.adapter, "stub"):
            route: Route = service.adapter.stub(self, parsed, **answer)
            return route
        if (service is None and self.platforms[name].word != "external") or (
            service and service.port is None
        ):
            msg = f"{selector!r}: {name} does not answer HTTP; a stub has nothing to stand before"
            raise UnsupportedOperation(msg)
        from meshsim.transports.http.stubs import stub  # noqa: PLC0415 - a world without HTTP has none of it

        return stub(parsed, **answer)

    def settle(self, duration: str | float = "30s") -> None:
        """End every fault, let `duration` of virtual time pass, and require that the mesh is quiet then.

        Idle polls do not count: a client that blocks on an empty queue, a heartbeat, a timer that sleeps.

        Raises:
            UnsettledError: calls are still in flight, or hosts still boot; with each of them, and where it stands.
        """
        self.nemesis.heal_all()
        self.run_for(duration)
        busy = self._busy()
        if busy:
            msg = "\n".join([f"the mesh is not quiet after {duration} of virtual time:", *busy])
            raise UnsettledError(msg)

    def _busy(self) -> list[str]:
        """Return a paragraph for each thing that goes on."""
        kernel, lines = self.kernel, []
        for call, what in in_flight(self.recorder.calls, kernel.now, self._lives):
            age = (kernel.now - call.sent_ns) / NANOSECONDS
            where = call.target_host or call.target_service
            lines.append(f"  {call.caller} -> {where} {call.operation}: sent {age:.3f}s ago, {what}")
            lines += self._tasks_of(call.target_host if call.received_ns is not None else call.caller)
        for task in kernel.home.living_tasks():
            if task is not kernel.driver and task.name.startswith(STARTED):
                lines += ["  a call that the test started has not ended:", *stuck.describe(kernel, task)]
        for service in self.services.values():
            for host in service.hosts:
                if host.alive and not service.ready(host):
                    lines.append(f"  {host.name} is not up yet")
        return lines

    def _lives(self, name: str, since_ns: int) -> bool:
        """Whether the process that a host had at a moment lives."""
        host = self.kernel.hosts.get(name)
        if host is None or not host.alive:
            return False
        boots = [event.at_ns for event in self.recorder.events if event.kind == "boot" and event.host == name]
        return not boots or boots[-1] <= since_ns

    def _tasks_of(self, name: str) -> list[str]:
        """Return where the tasks of a host stand that sleep or compute; who waits for something to come is idle."""
        host = self.kernel.hosts.get(name)
        process = None if host is None else host.process
        if process is None or process is self.kernel.home:
            return []
        tasks = [task for task in process.living_tasks() if task.wait in BUSY_WAITS]
        return [f"  {line}" for task in tasks[:TASKS_SHOWN] for line in stuck.describe(self.kernel, task)]
