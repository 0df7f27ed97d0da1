"""One simulated client of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from meshsim.errors import Mistake
from meshsim.workloads.request import draw, http_request

if TYPE_CHECKING:
    from meshsim.core.streams import Stream
    from meshsim.graph import WorkloadSpec

__all__ = ["TIMEOUT_S", "Client", "check_call", "make_client"]

TIMEOUT_S: Final = 30.0
"""How long a client over HTTP waits to connect, and for each part of a reply; then it gives up."""


class Client(Protocol):
    """Makes calls, one at a time."""

    def call(self) -> str:
        """Make one call and return how it came out: a status, or `ok`.

        Raises:
            Exception: as the client library raises it.
        """

    def leave(self) -> None:
        """Be somebody else from now on: no connection and no cookie of before is left."""


class HttpClient:
    """A `requests.Session`."""

    def __init__(self, world: Any, spec: WorkloadSpec, stream: Stream) -> None:
        self._spec = spec
        self._stream = stream
        self._session: Any = world.http(spec.call.target.name if spec.call else "")
        _one_connection(self._session)

    def call(self) -> str:
        """Make one request and read all of its reply."""
        method, path, options = http_request(self._spec, self._stream)
        return str(self._session.request(method, path, timeout=TIMEOUT_S, **options).status_code)

    def leave(self) -> None:
        """Close the connections and forget the cookies; the session itself is costly to make."""
        self._session.close()
        self._session.cookies.clear()


def _one_connection(session: Any) -> None:
    """Give a session room for one connection a host: it makes one call at a time.

    The ten places that a pool has by default are filled anew for each client: 150 of 1,030 us a call.
    """
    for scheme, adapter in list(session.adapters.items()):
        session.mount(scheme, type(adapter)(pool_maxsize=1))


class AdapterClient:
    """What a plugin's adapter calls with: `adapter.call(world, service, operation, body)`."""

    def __init__(self, world: Any, spec: WorkloadSpec, stream: Stream, adapter: Any) -> None:
        self._world = world
        self._spec = spec
        self._stream = stream
        self._adapter = adapter

    def call(self) -> str:
        """Make one call; a reply that is a text or a number says how it came out."""
        spec = self._spec
        selector = spec.call
        operation = selector.operation.text if selector is not None and selector.operation is not None else ""
        name = selector.target.name if selector is not None else ""
        reply = self._adapter.call(self._world, name, operation, self._body())
        return str(reply) if isinstance(reply, str | int) and not isinstance(reply, bool) else "ok"

    def _body(self) -> object:
        spec = self._spec
        body = spec.json if spec.json is not None else spec.body
        if not spec.params or not isinstance(body, dict | None):
            return body
        return {**(body or {}), **{name: draw(value, self._stream) for name, value in spec.params.items()}}

    def leave(self) -> None:
        """Do nothing: what a plugin keeps between calls is its own affair."""


def make_client(world: Any, spec: WorkloadSpec, stream: Stream) -> Client:
    """Return a client for a workload's calls."""
    adapter = _adapter(world, spec)
    if hasattr(adapter, "call"):
        return AdapterClient(world, spec, stream, adapter)
    return HttpClient(world, spec, stream)


def check_call(world: Any, spec: WorkloadSpec) -> Mistake | None:
    """Say what is wrong with a workload's `call`, as far as only the adapter knows."""
    selector, adapter = spec.call, _adapter(world, spec)
    if selector is None:
        return None
    if hasattr(adapter, "call"):
        validate = getattr(adapter, "validate_call", None)
        wrong = None if validate is None else validate(spec)
        return None if wrong is None else Mistake(spec.place, f"workload {spec.name!r}: {wrong}")
    if selector.operation is not None and selector.operation.path is not None:
        return None
    word = getattr(adapter, "word", "its adapter")
    return Mistake(
        spec.place,
        f"workload {spec.name!r}: {word} has no calls that a scenario can make; "
        f'give run: a function, which has mesh.client("{selector.target.name}")',
    )


def _adapter(world: Any, spec: WorkloadSpec) -> Any:
    service = world.services.get(spec.call.target.name) if spec.call is not None else None
    return None if service is None else service.adapter
