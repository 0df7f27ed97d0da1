"""The word `pysoa` of a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from meshsim.core.names import did_you_mean
from meshsim.errors import Mistake, UsageError
from meshsim_pysoa import calls, generated, launcher
from meshsim_pysoa.brokers import broker_of, client_settings, server_settings

if TYPE_CHECKING:
    from meshsim.core.selector import Selector
    from meshsim.graph.graph import Graph
    from meshsim.graph.service import ServiceSpec
    from meshsim.graph.workload import WorkloadSpec
    from meshsim.kernel.host import Host
    from meshsim_pysoa.stubs import Route

CLIENTS = "pysoa.clients"
OPTIONS: dict[str, tuple[type, ...]] = {
    "server": (str,),
    "redis": (str, list),
    "sentinel": (str,),
    "settings": (str,),
    "service_name": (str,),
    "connection_kwargs": (dict,),
    "django": (bool,),
}


class PySOAAdapter:
    """Boots PySOA servers as production does, and makes clients for them.

    `orders: {pysoa: "orders.server:Server"}` runs the server with settings made from the scenario: the platform's
    Redis, and routes to the services that the links name. The mapping has more:

    `server`: the Server class. `redis`, `sentinel`: where the service meets its callers (`redis` may be a list,
    which PySOA uses as a ring). `settings`: the service's own settings module, used as it is. `service_name`: the
    Server's, where it is not the name in the scenario. `connection_kwargs`: for redis-py, in settings made here.
    `django`: start it with PySOA's `django_main`.
    """

    word: ClassVar[str] = "pysoa"
    default_port: ClassVar[int | None] = None

    def validate(self, spec: ServiceSpec) -> list[Mistake]:
        """Return what is wrong with a service's options."""
        mistakes = []
        for key, value in spec.options.items():
            place = spec.option_places.get(key, spec.place)
            types = OPTIONS.get(key)
            if types is None:
                hint = did_you_mean(key, sorted(OPTIONS))
                mistakes.append(Mistake(place, f"pysoa: has no option {key!r}{hint}"))
            elif not isinstance(value, types):
                wanted = " or ".join(kind.__name__ for kind in types)
                mistakes.append(Mistake(place, f"pysoa: {key}: {value!r} is no {wanted}"))
        if spec.target is None:
            message = "pysoa: names no Server class: pysoa: orders.server:Server, or server: in its mapping"
            mistakes.append(Mistake(spec.place, message))
        if "settings" in spec.options and "connection_kwargs" in spec.options:
            message = "pysoa: has settings: of its own, so connection_kwargs: would change nothing"
            mistakes.append(Mistake(spec.option_places.get("connection_kwargs", spec.place), message))
        return mistakes

    def boot(self, world: Any, host: Host, spec: ServiceSpec) -> None:
        """Run the server in the main task of the host's process, until it shuts down."""
        graph: Graph = world.graph
        for service in graph.services:
            if service.adapter == self.word:
                calls.world_table(calls.NAMES)[service_name(service)] = service.name
        if spec.target is None:
            message = f"{spec.name}: pysoa: names no Server class"
            raise UsageError(message)
        settings = spec.options.get("settings")
        if settings is None:
            routing = routing_of(graph, spec.name)
            # By the host and not its process: the workers of `--fork` are processes of their own.
            calls.world_table(generated.TABLE)[host.name] = server_settings(broker_of(spec, graph), routing)
        argv = launcher.arguments(spec.name, spec.args, str(settings or generated.__name__))
        launcher.launch(spec.target, argv, django=bool(spec.options.get("django")))

    def is_ready(self, world: Any, host: Host) -> bool:
        """Say whether the server looks for work: its loop has begun, in a process of the host that lives."""
        return any(
            process.host is host and not process.dead and calls.LOOPING in process.tables
            for process in reversed(world.kernel.processes)
        )

    def client(self, world: Any, name: str) -> Any:
        """Return a real PySOA client that calls the service, on the host that asks for it.

        Args:
            world: the world.
            name: the service, by its name in the scenario; calls name it by its `service_name`.
        """
        from pysoa.client.client import Client  # noqa: PLC0415 - only who asks for a client needs PySOA

        spec = self._spec(world, name)
        return Client({service_name(spec): client_settings(broker_of(spec, world.graph))})

    def call(self, world: Any, name: str, operation: str, body: object) -> str:
        """Call an action for a workload and return how it came out: `ok`, or the code of its first error.

        Args:
            world: the world.
            name: the service, by its name in the scenario.
            operation: the action.
            body: the action's body, a mapping or None.

        Raises:
            PySOATransportError: the client's own, where there is no answer.
        """
        spec = self._spec(world, name)
        idle: list[Any] = calls.world_table(CLIENTS).setdefault(name, [])
        # A client belongs to one flow at a time: PySOA counts what is under way by client, not by thread.
        client = idle.pop() if idle else self.client(world, name)
        # What is left of a client after an error of its transport still waits for the answer that never came,
        # so only one whose call ended well comes back.
        response = client.call_actions(
            service_name(spec),
            [{"action": operation, "body": body or {}}],
            raise_job_errors=False,
            raise_action_errors=False,
        )
        idle.append(client)
        errors = response.errors or response.actions[0].errors
        return str(errors[0].code) if errors else "ok"

    def validate_call(self, spec: WorkloadSpec) -> str | None:
        """Say what is wrong with a workload's call to a service of this kind; None for nothing."""
        body = spec.json if spec.json is not None else spec.body
        if body is not None and not isinstance(body, dict):
            return f"an action's body is a mapping of its fields, not {body!r}"
        if spec.headers:
            return "a PySOA call has no headers:; fields go into body:"
        return None

    def stub(self, _world: Any, selector: Selector, **answer: Any) -> Route:
        """Answer actions instead of the service; see `meshsim_pysoa.stubs.stub`."""
        from meshsim_pysoa.stubs import stub  # noqa: PLC0415 - it imports PySOA

        return stub(selector, **answer)

    def _spec(self, world: Any, name: str) -> ServiceSpec:
        graph: Graph = world.graph
        spec = graph.service(name)
        if spec is None or spec.adapter != self.word:
            message = f"{name!r} is no PySOA service of this scenario"
            raise UsageError(message)
        return spec


def service_name(spec: ServiceSpec) -> str:
    """Return the name by which PySOA knows a service."""
    return str(spec.options.get("service_name", spec.name))


def routing_of(graph: Graph, consumer: str) -> dict[str, dict[str, Any]]:
    """Return PySOA's client routing for a service: those that the links say it calls, else all the others."""
    services = [
        spec for spec in graph.services if spec.adapter == PySOAAdapter.word and spec.name != consumer
    ]
    named = graph.providers_of(consumer)
    routed = [spec for spec in services if spec.name in named] or services
    return {service_name(spec): client_settings(broker_of(spec, graph)) for spec in routed}


ADAPTER = PySOAAdapter()
