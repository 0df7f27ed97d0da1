"""What both arms run: each body is given a context of `multiprocessing` and returns what it saw, as plain data.

Nothing here depends on how long something takes: bodies wait for each other, or for a timeout that only passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.parity.multiprocessing import channels, families, life, pools, sharing

if TYPE_CHECKING:
    from collections.abc import Callable

BODIES: dict[str, Callable[[Any], Any]] = {
    body.__name__: body
    for body in (
        life.exit_codes,
        life.life,
        families.names,
        families.families,
        families.daemons,
        families.subclass,
        families.unpicklable,
        families.surroundings,
        families.signals,
        families.exit_functions,
        channels.pipes,
        channels.full_pipe,
        channels.queues,
        channels.joinable,
        channels.waiting,
        channels.passengers,
        sharing.locks,
        sharing.held_by_the_dead,
        sharing.meeting,
        sharing.memory,
        pools.pool,
        pools.executor,
        pools.contexts,
    )
}
