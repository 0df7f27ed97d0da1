"""The word `attach`: a host of the world whose one port leads to a real server.

    platform:
      ledger: {attach: "127.0.0.1:5432"}
      other:  {attach: {address: "db.internal:5432", port: 15432, patience: 5s}}

Services reach it by its name in the world, `ledger:5432`, over links that can be slow, lossy, cut and reset.
How virtual time waits for the real server is told in `transports/tcp/outside.py`. A crash of the host breaks
its connections; the real server lives on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from meshsim.core.units import parse_duration
from meshsim.errors import BootError, UsageError
from meshsim.kernel import api
from meshsim.transports.tcp import outside

if TYPE_CHECKING:
    from meshsim.graph import PlatformSpec
    from meshsim.kernel.host import Host
    from meshsim.world import World

NANOSECONDS: Final = 1_000_000_000
KNOWN: Final = ("attach", "address", "port", "patience", "limit")


class Attached:
    """A real server as a host of the world.

    Args:
        world: the world it is in.
        spec: `attach` or `address`: HOST:PORT of the real server; `port`: by which it is known in the world;
            `patience` and `limit`: how long virtual time waits for it, in real time.

    Attributes:
        address: of the real server.
        port: where it listens in the world.
        hosts: its one host.

    Raises:
        UsageError: the address is none, or there is an option that the word does not have.
    """

    word = "attach"

    def __init__(self, world: World, spec: PlatformSpec) -> None:
        self.name = spec.name
        self._world = world
        options = dict(spec.options)
        unknown = sorted(set(options) - set(KNOWN))
        if unknown:
            msg = f"{spec.place}: attach: has no option {unknown[0]!r}; it has address, port, patience, limit"
            raise UsageError(msg)
        self.address = _address(spec, options.get("address") or options.get("attach"))
        self.port = int(options.get("port") or self.address[1])
        self._patience_s = _seconds(options.get("patience"), outside.PATIENCE_S)
        self._limit_s = _seconds(options.get("limit"), outside.LIMIT_S)
        self.host: Host = world.add_host(spec.name, spec.name, self.port)
        self.hosts = [self.host]

    def boot(self) -> None:
        """Listen in the world.

        Raises:
            BootError: the real server does not answer.
        """
        try:
            outside.reach(*self.address).close()
        except OSError as error:
            host, port = self.address
            msg = (
                f"platform service {self.name!r}: the real server at {host}:{port} does not answer ({error});"
                " start it, or give its address"
            )
            raise BootError(msg) from error
        self._world.kernel.boot(self.host)
        self._world.fabric.listen(self.host, self.port, self._connected)

    def restart(self, host: Host) -> None:
        """Listen again after a crash."""
        if not host.alive:
            self.boot()

    def _connected(self, connection: Any) -> None:
        process = connection.process

        def pump() -> None:
            try:
                real = outside.reach(*self.address)
            except OSError:
                connection.abort()
                return
            outside.Pump(process, connection, real, patience_s=self._patience_s, limit_s=self._limit_s).run()

        api.spawn(process, pump, name=f"bytes from {self.address[0]}:{self.address[1]}")


def _address(spec: PlatformSpec, written: Any) -> tuple[str, int]:
    host, colon, port = str(written or "").rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) <= 65_535:
        msg = f"{spec.place}: attach: {written!r} is no address; HOST:PORT of the real server is, as 127.0.0.1:5432"
        raise UsageError(msg)
    return host.strip("[]"), int(port)


def _seconds(written: Any, default: float) -> float:
    if written is None:
        return default
    return (written if isinstance(written, int) else parse_duration(written)) / NANOSECONDS
