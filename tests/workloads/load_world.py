"""A world with a Flask-like shop over HTTP and a service that only its adapter can call."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from meshsim import clients
from meshsim.graph import WorkloadSpec, build
from meshsim.scenario import load
from meshsim.trace.intent import take
from meshsim.workloads import Functions, Load, make_load
from tests.transports.http.small_world import SmallWorld

if TYPE_CHECKING:
    from collections.abc import Iterable

SECOND = 1_000_000_000
MS = 1_000_000


def app(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
    """Answer any path; `/slow` takes a while, `/broken` is a 500."""
    status = "500 Broken" if environ["PATH_INFO"] == "/broken" else "200 OK"
    start(status, [("Set-Cookie", "basket=1")])
    length = int(environ.get("CONTENT_LENGTH") or 0)
    SEEN.append({**environ, "body": environ["wsgi.input"].read(length)})
    return [b"ok"]


SEEN: list[dict[str, Any]] = []


class PlainAdapter:
    """A plugin's adapter whose calls take 30 ms each."""

    word = "plain"

    def __init__(self) -> None:
        self.calls: list[tuple[int, int | None, str, Any]] = []

    def call(self, world: Any, service: str, operation: str, body: Any) -> Any:
        """Note when the call is made and when it was due."""
        intent = take()
        self.calls.append((world.kernel.now, intent.at_ns if intent else None, operation, body))
        world.recorder.call_sent("plain", "test", service, operation)
        world.kernel.sleep(30 * MS)
        if operation == "fail":
            raise ConnectionError(service)
        return {"fine": True}


class LoadWorld(SmallWorld):
    """What workloads ask of a mesh."""

    def __init__(self, carrier: str = "greenlet", seed: int = 1) -> None:
        super().__init__(carrier, seed)
        SEEN.clear()
        self.plain = PlainAdapter()
        silent = SimpleNamespace(word="silent")
        self.services: dict[str, Any] = {
            "shop": SimpleNamespace(adapter=SimpleNamespace(word="wsgi"), port=80),
            "orders": SimpleNamespace(adapter=self.plain, port=None),
            "mute": SimpleNamespace(adapter=silent, port=None),
        }
        self.platforms: dict[str, Any] = {}
        self.functions = Functions(self.simulation)
        self.changes = 0

    def http(self, name: str) -> Any:
        """Return a session, as the mesh does."""
        return clients.http(self, name)  # type: ignore[arg-type]

    def changed(self) -> None:
        """Count what loads tell."""
        self.changes += 1

    def load(self, end_s: float | None = None, **words: Any) -> Load:
        """Start a workload, given in the words of a scenario."""
        spec = spec_of(**words)
        function = None if spec.run is None else self.functions.load(spec.run)
        made = make_load(self, spec, self.changed, function)
        made.start(self.kernel.now, None if end_s is None else self.kernel.now + round(end_s * SECOND))
        return made

    def run(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.kernel.sleep(round(seconds * SECOND))


def spec_of(**words: Any) -> WorkloadSpec:
    """Make a workload from the words of a scenario."""
    services = {"shop": {"wsgi": app}, "orders": {"wsgi": app}, "mute": {"wsgi": app}}
    document = load({"services": services, "workload": [{"name": "buyers", **words}]})
    return build(document).workload[0]
