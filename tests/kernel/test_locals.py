"""Thread identity and `threading.local`: each task has its own, whatever carries it."""

from __future__ import annotations

import threading
import time
from threading import get_ident
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

# Made before any world, as anyio's, asyncio's and click's are.
OLD_LOCAL = threading.local()


@pytest.mark.filterwarnings("ignore:Using `httpx`")
def test_three_test_clients_at_once_with_sync_handlers(lab: Callable[..., Any]) -> None:
    """Three portals, three loops and their worker threads live side by side in one process."""
    fastapi = pytest.importorskip("fastapi")
    testclient = pytest.importorskip("fastapi.testclient")
    app = fastapi.FastAPI()

    @app.get("/")
    def root() -> dict[str, int]:
        time.sleep(1)
        return {"a": 1}

    def main() -> list[Any]:
        replies: list[Any] = []

        def client() -> None:
            with testclient.TestClient(app) as session:
                replies.append(session.get("/").json())

        threads = [threading.Thread(target=client) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return replies

    with lab() as sim:
        assert sim.run(main) == [{"a": 1}] * 3
        assert sim.unhandled == []


def test_a_local_made_before_the_world_is_one_a_task(lab: Callable[..., Any]) -> None:
    """Tasks that take turns see their own value of an old `threading.local`, not each other's."""
    seen: list[tuple[int, bool, int]] = []

    def flow(number: int) -> None:
        fresh = not hasattr(OLD_LOCAL, "value")
        OLD_LOCAL.value = number
        time.sleep(1)
        seen.append((number, fresh, OLD_LOCAL.value))

    with lab() as sim:
        process = sim.boot()
        sim.wait(*[sim.start(process, flow, number) for number in range(5)])
    assert sorted(seen) == [(number, True, number) for number in range(5)]


def test_the_drivers_locals_stay_the_drivers(lab: Callable[..., Any]) -> None:
    """What the test put into a local before the world is there during it and after it."""
    OLD_LOCAL.owner = "test"
    with lab() as sim:
        assert sim.run(lambda: hasattr(OLD_LOCAL, "owner")) is False
        assert OLD_LOCAL.owner == "test"
        OLD_LOCAL.owner = "test, inside"
    assert OLD_LOCAL.owner == "test, inside"
    del OLD_LOCAL.owner


def test_a_locals_values_end_with_their_task(lab: Callable[..., Any]) -> None:
    """A value in a `threading.local` is let go when its task has ended."""
    gone: list[str] = []

    class Value:
        def __del__(self) -> None:
            gone.append("gone")

    def flow() -> None:
        OLD_LOCAL.value = Value()
        time.sleep(1)

    def later() -> None:
        time.sleep(5)

    with lab() as sim:
        process = sim.boot()
        sim.wait(sim.start(process, flow), sim.start(process, later))
        assert gone == ["gone"]


def test_a_name_bound_before_the_world_gives_the_tasks_identity(lab: Callable[..., Any]) -> None:
    """`from threading import get_ident` tells tasks apart, as anyio's portals need it."""

    def main() -> set[int]:
        idents = set()

        def flow() -> None:
            idents.add(get_ident())
            time.sleep(1)
            idents.add(get_ident())

        threads = [threading.Thread(target=flow) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
            assert thread.ident in idents
        return idents

    with lab() as sim:
        assert len(sim.run(main)) == 3


def test_current_thread_is_the_tasks_own(lab: Callable[..., Any]) -> None:
    """`current_thread()` names the task that asks, also after others ran."""

    def main() -> list[str]:
        names: list[str] = []

        def flow() -> None:
            time.sleep(1)
            names.append(threading.current_thread().name)

        threads = [threading.Thread(target=flow, name=f"worker-{number}") for number in range(3)]
        for thread in threads:
            thread.start()
        names.append(threading.current_thread().name)
        for thread in threads:
            thread.join()
        return sorted(names)

    with lab() as sim:
        assert sim.run(main) == ["MainThread", "worker-0", "worker-1", "worker-2"]
