"""What every adapter has; a plugin's adapter is any object of this shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from meshsim.errors import Mistake
    from meshsim.graph import ServiceSpec
    from meshsim.kernel.host import Host


class Adapter(Protocol):
    """Boots services of one kind.

    What an adapter may have besides, each looked for where it is wanted:

    - `is_ready(world, host)`: whether a host without a port is up; `listens = False` for one that has a port and
      does not listen on it.
    - `client(world, name)`: what `mesh.client(name)` gives; without it, a session of `requests`.
    - `call(world, name, operation, body)`: makes a workload's call and returns how it came out, a word or a number;
      and `validate_call(workload)`, which says what is wrong with one, or None. Without them a workload can only
      call METHOD /path.
    - `stub(world, selector, reply=, error=, side_effect=)`: what `mesh.stub` does; without it, a stub of HTTP.

    Attributes:
        word: what a scenario calls it; the name of its entry point in the group `meshsim.adapters`.
        default_port: the port of a service that names none; None for services without one.
    """

    word: str
    default_port: int | None

    def validate(self, spec: ServiceSpec) -> list[Mistake]:
        """Return what is wrong with a service's options, before anything boots."""

    def boot(self, world: Any, host: Host, spec: ServiceSpec) -> None:
        """Be the service's main program: run in the main task of the host's process, until it ends.

        Raises:
            Exception: the service does not come up; the world adds its names.
        """
