"""Clients as users know them, on the host `test`: made when asked for, importing only then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from meshsim.errors import UsageError

if TYPE_CHECKING:
    import grpc
    import grpc.aio
    import httpx
    import redis
    import redis.asyncio
    import requests
    import zmq

    from meshsim.mesh import Mesh


def base_url(world: Mesh, name: str) -> str:
    """Return the URL of a service: `http://storefront`, with its port when it is not 80.

    Raises:
        UsageError: no party of the world has that name.
    """
    if not world.fabric.names.known(name):
        known = ", ".join([*world.services, *world.platforms])
        msg = f"no service {name!r}; the services are {known}"
        raise UsageError(msg)
    service = world.services.get(name.partition("/")[0])
    port = service.port if service is not None else None
    host = name.replace("/", "-")
    return f"http://{host}" if port in (None, 80) else f"http://{host}:{port}"


def http(world: Mesh, name: str) -> requests.Session:
    """Return a requests session whose relative URLs lead to a service."""
    import requests  # noqa: PLC0415 - only who asks for it needs it

    root = base_url(world, name)

    class ServiceSession(requests.Session):
        """A session with a home: `get("/items")` asks the service."""

        def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
            return super().request(
                method, urljoin(root + "/", url.lstrip("/") if url.startswith("/") else url), *args, **kwargs
            )

    session = ServiceSession()
    # Whatever proxies or netrc this machine has is no part of the world.
    session.trust_env = False
    return session


def httpx_client(world: Mesh, name: str, **options: Any) -> httpx.Client:
    """Return an httpx client whose base URL is a service's."""
    import httpx  # noqa: PLC0415 - only who asks for it needs it

    return httpx.Client(base_url=base_url(world, name), trust_env=False, **options)


def httpx_async_client(world: Mesh, name: str, **options: Any) -> httpx.AsyncClient:
    """Return an asyncio httpx client whose base URL is a service's."""
    import httpx  # noqa: PLC0415 - only who asks for it needs it

    return httpx.AsyncClient(base_url=base_url(world, name), trust_env=False, **options)


def _redis_port(world: Mesh, name: str) -> int:
    platform = world.platforms.get(name)
    if platform is None:
        msg = f"no platform service {name!r}; there are {', '.join(world.platforms) or 'none'}"
        raise UsageError(msg)
    return int(platform.port)


def redis_client(world: Mesh, name: str, **options: Any) -> redis.Redis:
    """Return a redis-py client of a Redis of the platform."""
    import redis  # noqa: PLC0415 - only who asks for it needs it

    return redis.Redis(host=name, port=_redis_port(world, name), **options)


def redis_async_client(world: Mesh, name: str, **options: Any) -> redis.asyncio.Redis:
    """Return an asyncio redis-py client of a Redis of the platform."""
    import redis.asyncio  # noqa: PLC0415 - only who asks for it needs it

    return redis.asyncio.Redis(host=name, port=_redis_port(world, name), **options)


def zmq_context() -> zmq.Context[zmq.Socket[bytes]]:
    """Return a new ZeroMQ context; what is still open of it ends with the world."""
    import zmq  # noqa: PLC0415 - only who asks for it needs it

    return zmq.Context()


def _grpc_target(world: Mesh, name: str) -> str:
    host = base_url(world, name).removeprefix("http://")
    return host if ":" in host else f"{host}:80"


def grpc_channel(world: Mesh, name: str, **options: Any) -> grpc.Channel:
    """Return a gRPC channel to a service; options as `grpc.insecure_channel` takes them."""
    import grpc  # noqa: PLC0415 - only who asks for it needs it

    return grpc.insecure_channel(_grpc_target(world, name), **options)


def grpc_aio_channel(world: Mesh, name: str, **options: Any) -> grpc.aio.Channel:
    """Return an asyncio gRPC channel to a service; options as `grpc.aio.insecure_channel` takes them."""
    import grpc.aio  # noqa: PLC0415 - only who asks for it needs it

    return grpc.aio.insecure_channel(_grpc_target(world, name), **options)


def client(world: Mesh, name: str) -> Any:
    """Return what a service's adapter gives as its client.

    Raises:
        UsageError: there is no such service, or its adapter has no client of its own.
    """
    service = world.services.get(name)
    if service is None:
        msg = f"no service {name!r}; the services are {', '.join(world.services)}"
        raise UsageError(msg)
    make = getattr(service.adapter, "client", None)
    return http(world, name) if make is None else make(world, name)
