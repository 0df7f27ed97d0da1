"""Names that modules bound before the world follow it, wherever they keep them; the runner's never do."""

from __future__ import annotations

import collections
import functools
import random
import threading
import time
import types
from datetime import datetime
from queue import SimpleQueue
from random import uniform
from threading import Lock
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


class Map:
    """As werkzeug's: which lock to make is a class attribute."""

    lock_class = Lock
    pause = staticmethod(sleep)
    clock = classmethod(lambda _: monotonic())

    @classmethod
    def default(cls, pause: Callable[[float], None] = sleep) -> None:
        """Wait by a default argument."""
        pause(30)

    @property
    def rest(self) -> None:
        """Wait by a closure's default."""
        return _rest()


class Handler:
    """As botocore's retry handler: what to sleep with is a default argument."""

    def __init__(
        self, pause: Callable[[float], None] = time.sleep, *, draw: Callable[[], float] = random.random
    ) -> None:
        self.pause = pause
        self.draw = draw


def _closure() -> Callable[[], float]:
    clock, pause = time.monotonic, time.sleep

    def measure() -> float:
        begin = clock()
        pause(30)
        return clock() - begin

    return measure


def _rest(pause: Callable[[float], None] = sleep) -> None:
    pause(30)


def _decorator(function: Callable[[], None]) -> Callable[[], None]:
    @functools.wraps(function)
    def wrapper() -> None:
        function()

    return wrapper


@_decorator
@_decorator
def decorated(pause: Callable[[float], None] = sleep) -> None:
    """Wait by a default argument below two decorators."""
    pause(30)


class Stiff(type):
    """A metaclass that lets no attribute be set."""

    def __setattr__(cls, name: str, value: object) -> None:
        msg = f"{name} = {value} is refused"
        raise TypeError(msg)


class Mode(metaclass=Stiff):
    """A class that holds a clock."""

    pause = sleep


MEASURE = _closure()
PARTIAL = functools.partial(sleep, 30)
TABLE = {"sleep": sleep}
LISTED = [sleep]
FACTORY: collections.defaultdict[str, Any] = collections.defaultdict(Lock)


def _elapsed(action: Callable[[], object]) -> float:
    begin = time.monotonic()
    action()
    return time.monotonic() - begin


BINDINGS: dict[str, Callable[[], float]] = {
    "a global name": lambda: _elapsed(lambda: sleep(30)),
    "a default argument": lambda: _elapsed(lambda: Handler().pause(30)),
    "a closure": lambda: MEASURE(),
    "a static method": lambda: _elapsed(lambda: Map.pause(30)),
    "a dict": lambda: _elapsed(lambda: TABLE["sleep"](30)),
    "a list": lambda: _elapsed(lambda: LISTED[0](30)),
    "a partial": lambda: _elapsed(PARTIAL),
    "below a decorator": lambda: _elapsed(decorated),
    "below a class method": lambda: _elapsed(Map.default),
    "below a property": lambda: _elapsed(lambda: Map().rest),
    "a class whose metaclass refuses": lambda: _elapsed(lambda: Mode.pause(30)),
    "a class method's body": lambda: 30.0 + (Map.clock() - time.monotonic()),
}


@pytest.mark.parametrize("binding", list(BINDINGS))
def test_a_name_bound_before_the_world_is_virtual_in_it(lab: Callable[..., Any], binding: str) -> None:
    """Thirty seconds pass at once, however the clock was bound."""
    with lab(watchdog_s=2) as sim:
        assert sim.run(BINDINGS[binding]) == pytest.approx(30)


def test_a_lock_class_bound_in_a_class_makes_ours(lab: Callable[..., Any]) -> None:
    """A lock made through a class attribute parks."""
    with lab() as sim:
        made = sim.run(lambda: [Map.lock_class(), Lock(), FACTORY["new"], SimpleQueue()])
    assert {type(thing).__module__.partition(".")[0] for thing in made} == {"meshsim"}


def test_draws_through_bound_methods_are_the_hosts(lab: Callable[..., Any]) -> None:
    """`from random import uniform` and a keyword default draw from the host's stream."""
    drawn = []
    for _ in range(2):
        with lab() as sim:
            drawn.append(sim.run(lambda: (uniform(0, 1), Handler().draw(), random.random())))
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == 3


def test_threading_itself_counts_virtual_time(lab: Callable[..., Any]) -> None:
    """`wait_for`, Barrier and Semaphore timeouts, which threading measures by a clock of its own, are virtual."""

    def main() -> list[float]:
        condition = threading.Condition()

        def never() -> bool:
            return False

        def wait_for() -> None:
            with condition:
                assert condition.wait_for(never, timeout=30) is False

        def barrier() -> None:
            with pytest.raises(threading.BrokenBarrierError):
                threading.Barrier(2).wait(timeout=30)

        def semaphore() -> None:
            assert threading.Semaphore(0).acquire(timeout=30) is False

        return [_elapsed(wait_for), _elapsed(barrier), _elapsed(semaphore)]

    with lab(watchdog_s=2) as sim:
        assert sim.run(main) == [pytest.approx(30)] * 3


def test_datetime_bound_before_is_virtual(lab: Callable[..., Any]) -> None:
    """`from datetime import datetime` tells the world's wall clock."""
    with lab() as sim:
        assert sim.run(lambda: (sleep(60), datetime.now().astimezone().timestamp())[1]) == 1_767_225_660


def test_names_that_a_module_bound_by_hand_in_the_world_are_put_back(lab: Callable[..., Any]) -> None:
    """A module that sets one of its names to a replacement while the world is open does not keep it."""
    module = types.ModuleType("set_by_hand")
    module.pause = None  # type: ignore[attr-defined]
    import sys

    sys.modules["set_by_hand"] = module
    try:
        with lab() as sim:
            sim.run(lambda: setattr(module, "pause", time.sleep))
        assert module.pause is time.sleep  # type: ignore[attr-defined]
    finally:
        del sys.modules["set_by_hand"]
