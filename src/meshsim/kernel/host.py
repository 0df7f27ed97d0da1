"""A simulated machine: a name on the network that processes boot on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshsim.kernel.process import Process


class Host:
    """A simulated machine.

    Attributes:
        name: `storefront/0`, `cache`, `test`.
        service: the name that it answers to, `storefront`.
        index: its number in the world, in the order in which hosts were added.
        process: the boot that lives now, or None while the host is down.
        clock_offset_ns: how far its wall clock is from true time.
    """

    __slots__ = ("boots", "clock_offset_ns", "index", "listeners", "name", "paused", "process", "service")

    def __init__(self, name: str, service: str, index: int) -> None:
        self.name = name
        self.service = service
        self.index = index
        self.boots = 0
        self.process: Process | None = None
        self.clock_offset_ns = 0
        self.paused = False
        self.listeners: dict[int, object] = {}

    @property
    def alive(self) -> bool:
        """Whether a process lives on the host."""
        return self.process is not None and not self.process.dead

    def __hash__(self) -> int:
        return self.index

    def __repr__(self) -> str:
        return f"<Host {self.name}>"
