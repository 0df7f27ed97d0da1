"""Which hosts a name means, and which of them the next connection goes to."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from meshsim.errors import FenceError

if TYPE_CHECKING:
    from meshsim.kernel.host import Host

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0", ""})  # noqa: S104 - names to recognise, not to bind
WEB_PORTS = frozenset({80, 443})


class Names:
    """The name service of a world; also its load balancer.

    A name means every replica of a service. Connections go round over those that listen, as a balancer with
    health checks does; when none listens, the first is tried and refuses. A replica that is cut off by the
    network still gets its share: no balancer knows that at once.
    """

    def __init__(self) -> None:
        self._hosts: dict[str, list[Host]] = {}
        self._ports: dict[str, int] = {}
        self._aliases: dict[str, str] = {}
        self._turns: dict[tuple[str, str], int] = {}
        self._addresses: dict[str, str] = {}

    def add(self, host: Host, default_port: int | None) -> None:
        """Register a host under its own name and under its service's."""
        self._hosts.setdefault(host.service, []).append(host)
        if host.name != host.service:
            self._hosts[host.name] = [host]
        self._hosts[host.name.replace("/", "-")] = self._hosts[host.name]
        address = f"10.{host.index >> 16 & 255}.{host.index >> 8 & 255}.{host.index & 255}"
        self._hosts[address] = [host]
        self._addresses[host.name] = address
        if default_port is not None:
            self._ports[host.service] = default_port

    def alias(self, name: str, service: str) -> None:
        """Let `name` (a host, or host:port) mean a service."""
        self._aliases[name.lower()] = service

    def address(self, host: Host) -> str:
        """Return the address that a host has in every run."""
        return self._addresses[host.name]

    def service_of(self, name: str, port: int) -> str:
        """Return the service that a name means; the name itself when it is one."""
        name = name.lower()
        return self._aliases.get(f"{name}:{port}") or self._aliases.get(name) or name

    def known(self, name: str, port: int = 0) -> bool:
        """Whether the name means anything here."""
        return name in LOOPBACK or self.service_of(name, port) in self._hosts

    def hosts_of(self, name: str, port: int = 0) -> list[Host]:
        """Return the hosts that a name means, in the order in which they were added; none for an unknown name."""
        return list(self._hosts.get(self.service_of(name, port), ()))

    def resolve(self, source: Host, name: str, port: int) -> tuple[Host, int]:
        """Return the host and the port that the next connection from `source` to `name:port` goes to.

        Raises:
            FenceError: nothing of the world has that name.
        """
        if name in LOOPBACK:
            return source, port
        service = self.service_of(name, port)
        hosts = self._hosts.get(service)
        if hosts is None:
            raise FenceError(self._unknown(source, name, port))
        # An alias with a port means the service, wherever that listens.
        meant = 0 if f"{name.lower()}:{port}" in self._aliases else port
        wanted = [(host, self._port_on(host, meant)) for host in hosts]
        listening = [(host, on) for host, on in wanted if host.alive and on in host.listeners]
        if not listening:
            return wanted[0]
        if len(listening) == 1:
            return listening[0]
        turn = self._turns.get((source.name, service), 0)
        self._turns[(source.name, service)] = turn + 1
        return listening[turn % len(listening)]

    def _port_on(self, host: Host, port: int) -> int:
        if port in host.listeners:
            return port
        default = self._ports.get(host.service)
        if default is not None and (port in WEB_PORTS or port == 0):
            return default
        return port

    def _unknown(self, source: Host, name: str, port: int) -> str:
        known = sorted(
            {host.service for hosts in self._hosts.values() for host in hosts} | set(self._aliases)
        )
        near = difflib.get_close_matches(name, known, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        return (
            f"{source.name} calls {name}:{port}, which nothing in this world has as a name{hint}. Fake it:\n"
            f"    platform:\n      {name.split('.', maxsplit=1)[0]}: {{external: {{host: {name}}}}}\n"
            f"or give a service that name: aliases: [{name}]"
        )
