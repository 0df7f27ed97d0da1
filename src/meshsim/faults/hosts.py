"""Verbs at hosts: crash, terminate, restart, pause."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meshsim.faults.act import place_text
from meshsim.faults.parties import hosts_of
from meshsim.kernel import state
from meshsim.kernel.patches import signals
from meshsim.kernel.task import RUNNING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from meshsim.faults.act import Act, Setting
    from meshsim.kernel.host import Host
    from meshsim.kernel.task import Task
    from meshsim.trace import Call

__all__ = ["HOST_VERBS", "CrashAct", "PauseAct", "TerminateAct"]


# Where libraries lie, also when a virtual environment is inside the service's folder.
_LIBRARIES: Final = ("/site-packages/", "/dist-packages/", "/lib/python")
_KILLED: Final = -int(signal.SIGKILL)


class _HostAct:
    """What the verbs at hosts share."""

    word = ""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self.fired = 0

    def _meant(self, call: Call | None) -> list[Host]:
        setting = self._setting
        hosts = setting.nemesis.kernel.hosts
        return hosts_of(hosts, setting.spec.targets[0].target, setting.picks, call)

    def _note(self, host: Host, kind: str, **data: str) -> None:
        self.fired += 1
        place = f"fault {place_text(self._setting.spec)}"
        self._setting.nemesis.recorder.event(kind, host.name, kind.upper(), place=place, **data)

    def end(self) -> None:
        """Do nothing: it happened at a moment."""


class CrashAct(_HostAct):
    """SIGKILL; a supervisor boots the host again if the scenario says so, or if the verb is `restart`."""

    def begin(self, call: Call | None) -> None:
        """Kill every process that is meant, the caller's own last: that ends the calling flow."""
        task = state.task
        mine = task.process if task is not None else None
        hosts = [host for host in self._meant(call) if host.alive or self._boots]
        for host in sorted(hosts, key=lambda host: host.process is not None and host.process is mine):
            self._crash(host)

    @property
    def _boots(self) -> bool:
        return self._setting.spec.verb == "restart"

    def _crash(self, host: Host) -> None:
        nemesis = self._setting.nemesis
        process = host.process
        self._come_back(host)
        if process is None:
            self.fired += 1
            return
        self._note(host, "crash", where=_where(process.main, nemesis.path_of(host)))
        nemesis.kernel.kill(process, _KILLED)

    def _come_back(self, host: Host) -> None:
        service = self._setting.nemesis.services.get(host.service)
        if service is None:
            if self._boots:
                self._setting.nemesis.restart_platform(host)
        elif self._boots or service.spec.restart_ns is not None:
            service.restart_later(host)


class TerminateAct(_HostAct):
    """SIGTERM: the service shuts down as it likes; its handler runs in its own main task."""

    def begin(self, call: Call | None) -> None:
        """Send the signal from the hub, as the operating system sends it from outside."""
        kernel = self._setting.nemesis.kernel
        for host in self._meant(call):
            if host.process is not None:
                self._note(host, "terminate")
                kernel.call_at(kernel.now, signals.deliver, host.process, int(signal.SIGTERM))


class PauseAct(_HostAct):
    """SIGSTOP, and SIGCONT when the fault ends."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._paused: list[Host] = []

    def begin(self, call: Call | None) -> None:
        """Stop the hosts; on the hub, because a flow cannot stop itself in the middle of a step."""
        nemesis = self._setting.nemesis
        for host in self._meant(call):
            if not host.alive:
                continue
            self._paused.append(host)
            self._note(host, "pause")
            nemesis.kernel.call_at(nemesis.kernel.now, nemesis.hold, host)

    def end(self) -> None:
        """Let them go on, unless another fault holds them too."""
        nemesis = self._setting.nemesis
        for host in self._paused:
            place = f"fault {place_text(self._setting.spec)}"
            nemesis.recorder.event("resume", host.name, "RESUME", place=place)
            nemesis.kernel.call_at(nemesis.kernel.now, nemesis.release, host)
        self._paused.clear()


HOST_VERBS: Final[dict[str, Callable[[Setting], Act]]] = {
    "crash": CrashAct,
    "restart": CrashAct,
    "terminate": TerminateAct,
    "pause": PauseAct,
}


def _where(main: Task | None, path: str) -> str:
    """Say where the service's own code stood: `shop/tasks.py:44 in charge`, or nothing."""
    if main is None or not path:
        return ""
    running = state.task
    if running is not None and running.process is main.process and running.state == RUNNING:
        return _innermost(sys._getframe(), path)  # noqa: SLF001 - the stack of the flow that dies
    tasks = [main, *(task for task in main.process.living_tasks() if task is not main)]
    kernel = state.kernel
    if kernel is None:
        return ""
    found = [_innermost(kernel.carrier.frame(task), path) for task in tasks]
    return next((where for where in found if where), "")


def _innermost(frame: FrameType | None, path: str) -> str:
    folder = Path(path)
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(f"{folder}/") and _own(frame):
            return f"{Path(code.co_filename).relative_to(folder)}:{frame.f_lineno} in {code.co_name}"
        frame = frame.f_back
    return ""


def _own(frame: FrameType) -> bool:
    """Whether a frame is the service's own: not ours, which differ by carrier, nor a library's."""
    module = str(frame.f_globals.get("__name__", ""))
    ours = module.partition(".")[0] == "meshsim" or module.startswith("meshsim_")
    return not ours and not any(part in frame.f_code.co_filename for part in _LIBRARIES)
