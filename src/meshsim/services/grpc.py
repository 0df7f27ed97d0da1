"""The adapter of gRPC services: a function that starts a server as in production, or a servicer and its proto."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import signal
from concurrent import futures
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshsim.errors import Mistake, ScenarioError, UsageError
from meshsim.kernel import api
from meshsim.scenario.references import parse_attribute
from meshsim.services.grpc_protos import generated
from meshsim.services.loading import load_target

if TYPE_CHECKING:
    from meshsim.core.selector import Selector
    from meshsim.graph import ServiceSpec
    from meshsim.kernel.host import Host

# What a server is given to end its calls when it is told to stop.
PATIENCE_S = 30.0
# The pool of a server that is made here; gRPC's own examples have as many workers.
WORKERS = 10
OPTIONS = ("server", "servicer", "proto")


class GrpcAdapter:
    """Boots a gRPC server."""

    word = "grpc"
    default_port = 50051

    def validate(self, spec: ServiceSpec) -> list[Mistake]:
        """Return what is wrong with the mapping, if the service has one."""
        options = spec.options
        found = [
            Mistake(place, f"grpc: has no {name!r}: {', '.join(OPTIONS)}")
            for name, place in spec.option_places.items()
            if name not in OPTIONS
        ]
        if "servicer" in options and spec.target is not None:
            found.append(
                Mistake(spec.option_places["servicer"], "grpc: has both server: and servicer:; one of them")
            )
        if "servicer" in options and "proto" not in options:
            text = "grpc: a servicer: needs its proto:, as {servicer: shop.pay:Pay, proto: pay.proto}"
            found.append(Mistake(spec.option_places["servicer"], text))
        return found

    def boot(self, world: Any, host: Host, spec: ServiceSpec) -> None:  # noqa: ARG002 - every adapter is given it
        """Run the function, and serve until the server ends.

        Raises:
            ScenarioError: the mapping makes no service.
        """
        mistakes = self.validate(spec)
        if mistakes:
            raise ScenarioError(mistakes)
        if "servicer" in spec.options:
            _serve(_server_of(host, spec))
            return
        made = load_target(spec)
        result = made() if callable(made) else made
        if inspect.iscoroutine(result):
            asyncio.run(_until_over(result))
        elif hasattr(result, "wait_for_termination"):
            _serve(result)

    def stub(self, world: Any, selector: Selector, **answer: Any) -> Any:  # noqa: ARG002 - as every adapter's
        """Answer calls instead of the service; see `meshsim.transports.grpc.stubs.stub`."""
        from meshsim.transports.grpc.stubs import stub  # noqa: PLC0415 - a world without stubs has none of it

        return stub(selector, **answer)

    def client(self, world: Any, name: str) -> Any:
        """Return a channel."""
        import grpc  # noqa: PLC0415 - only a world with such a service needs it

        return grpc.insecure_channel(
            f"{name.replace('/', '-')}:{world.services[name.partition('/')[0]].port}"
        )


async def _until_over(result: Any) -> None:
    found = await result
    if hasattr(found, "wait_for_termination"):
        await found.wait_for_termination()


def _serve(server: Any) -> None:
    """Wait for the end of a server that a function returned; SIGTERM stops it, with patience."""

    def stop(_signum: int, _frame: object) -> None:
        task = api.current_task()
        if task is not None:
            api.spawn(task.process, server.stop, PATIENCE_S, name="stop")

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.wait_for_termination()


def _server_of(host: Host, spec: ServiceSpec) -> Any:
    """Make the server of a servicer: its proto is compiled, and what was generated knows how to add it.

    Raises:
        UsageError: the servicer is none of the services of the proto.
    """
    import grpc  # noqa: PLC0415 - only a world with such a service needs it

    modules = generated(host, spec)
    reference = spec.options["servicer"]
    found = reference
    if isinstance(reference, str):
        target = parse_attribute(reference, Path(spec.path))
        found = load_target(dataclasses.replace(spec, target=target))
    servicer = found() if isinstance(found, type) else found
    adders = {
        base.__name__: getattr(module, f"add_{base.__name__}_to_server")
        for module in modules
        for base in type(servicer).__mro__
        if hasattr(module, f"add_{base.__name__}_to_server")
    }
    if not adders:
        # Not derived from the generated class: the proto's only service is meant.
        adders = {
            name: getattr(module, name)
            for module in modules
            for name in dir(module)
            if name.startswith("add_") and name.endswith("_to_server")
        }
    if len(adders) != 1:
        msg = (
            f"service {spec.name!r}: {type(servicer).__name__} is not derived from one servicer of its proto"
        )
        raise UsageError(msg)
    server = grpc.server(futures.ThreadPoolExecutor(spec.concurrency or WORKERS))
    for add in adders.values():
        add(servicer, server)
    server.add_insecure_port(f"0.0.0.0:{spec.port or GrpcAdapter.default_port}")
    server.start()
    if host.process is not None:
        host.process.tables["app"] = servicer
    return server


ADAPTER = GrpcAdapter()
