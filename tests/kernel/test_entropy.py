"""Entropy and identities in data: all of it from the host's own stream, the same in every run."""

from __future__ import annotations

import os
import random
import secrets
import ssl
import tempfile
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def _temporary_names() -> tuple[str, str]:
    with tempfile.NamedTemporaryFile() as file, tempfile.TemporaryDirectory() as folder:
        return os.path.basename(file.name), os.path.basename(folder)


def _bound_before() -> list[Any]:
    return [BOUND_URANDOM(4), BOUND_UUID(), BOUND_TOKEN()]


BOUND_URANDOM, BOUND_UUID, BOUND_TOKEN = os.urandom, uuid.uuid4, secrets.token_hex

SOURCES: dict[str, Callable[[], Any]] = {
    "random.random": random.random,
    "random.choices": lambda: random.choices(range(1000), k=5),
    "Random()": lambda: random.Random().random(),
    "Random().seed()": lambda: _reseeded(),
    "random.seed()": lambda: (random.seed(), random.random())[1],
    "a subclass of Random": lambda: type("Mine", (random.Random,), {})().random(),
    "SystemRandom": lambda: random.SystemRandom().random(),
    "os.urandom": lambda: os.urandom(8),
    "uuid4": uuid.uuid4,
    "uuid1": uuid.uuid1,
    "secrets": lambda: (secrets.token_hex(), secrets.randbelow(10**9), secrets.choice(range(10**6))),
    "ssl.RAND_bytes": lambda: ssl.RAND_bytes(8),
    "tempfile": _temporary_names,
    "names bound before": _bound_before,
    "thread identity": threading.get_ident,
    "pid": os.getpid,
    "wall clock": time.time,
}


def _reseeded() -> float:
    generator = random.Random(1)
    generator.seed()
    return generator.random()


@pytest.mark.parametrize("source", list(SOURCES))
def test_entropy_is_the_same_in_every_run_and_another_on_every_host(
    lab: Callable[..., Any], source: str
) -> None:
    """Two worlds of one seed agree, whatever the process drew before; two hosts never do."""

    def draw() -> Any:
        return SOURCES[source]()

    runs = []
    for turn in range(2):
        # What the process did before must not matter.
        for _ in range(turn + 1):
            draw()
        with lab() as sim:
            runs.append([sim.run(draw, host=host) for host in ("a/0", "b/0")])
    assert runs[0] == runs[1]
    if source != "wall clock":
        assert runs[0][0] != runs[0][1]


def test_hosts_that_take_turns_do_not_disturb_each_other(lab: Callable[..., Any]) -> None:
    """What a host draws does not depend on how much another one drew in between."""

    def draws(count: int) -> list[Any]:
        found = []
        for _ in range(count):
            time.sleep(1)
            found.append((random.random(), uuid.uuid4(), os.urandom(2), _temporary_names()))
        return found

    with lab() as sim:
        alone = sim.run(draws, 3, host="a/0")
    with lab() as sim:
        one, two = sim.start(sim.boot("a/0"), draws, 3), sim.start(sim.boot("b/0"), draws, 50)
        sim.wait(one, two)
        assert one.result_value == alone


def test_another_seed_gives_other_draws(lab: Callable[..., Any]) -> None:
    """The seed decides."""
    drawn = set()
    for seed in (1, 2, 3):
        with lab(seed=seed) as sim:
            drawn.add(sim.run(lambda: (random.random(), uuid.uuid4())))
    assert len(drawn) == 3


def test_a_service_may_seed_and_restore_its_own_state(lab: Callable[..., Any]) -> None:
    """`seed`, `getstate` and `setstate` act on the host's generator, and the test's stays as it was."""
    random.seed(5)
    expected = random.random()

    def main() -> tuple[bool, bool]:
        random.seed(11)
        state = random.getstate()
        first = random.random()
        random.setstate(state)
        return first == random.random(), first == random.Random(11).random()

    random.seed(5)
    with lab() as sim:
        assert sim.run(main) == (True, True)
        assert random.random() == expected


def test_seeded_generators_are_what_they_are_everywhere(lab: Callable[..., Any]) -> None:
    """`Random(5)` gives in a host what it gives outside."""
    outside = [random.Random(5).random(), random.Random("x").getrandbits(70)]
    with lab() as sim:
        assert sim.run(lambda: [random.Random(5).random(), random.Random("x").getrandbits(70)]) == outside


def test_numpy_draws_are_the_hosts(lab: Callable[..., Any]) -> None:
    """An unseeded numpy generator takes its entropy from `secrets`, and so from the host."""
    numpy = pytest.importorskip("numpy")
    runs = []
    for _ in range(2):
        with lab() as sim:
            runs.append(sim.run(lambda: float(numpy.random.default_rng().random())))
    assert runs[0] == runs[1]


def test_hash_of_a_run_with_identities_in_its_data_is_stable(lab: Callable[..., Any]) -> None:
    """A key made of a uuid4, the pid and a hexadecimal thread identity, as PySOA makes one, is equal in each run."""

    def main() -> list[str]:
        keys: list[str] = []

        def worker() -> None:
            keys.append(f"reply.{uuid.uuid4().hex}.{os.getpid()}.{threading.get_ident():x}")

        threads = [threading.Thread(target=worker) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return keys

    runs = []
    for _ in range(3):
        with lab() as sim:
            runs.append(sim.run(main))
    assert runs[0] == runs[1] == runs[2]
    assert len(set(runs[0])) == 4
