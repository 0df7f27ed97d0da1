"""The questions that checks, reports and tests ask of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from meshsim.trace.blocks import decode
from meshsim.trace.call import Call
from meshsim.trace.layout import COMMAND
from meshsim.trace.message import Message
from meshsim.trace.saved import save
from meshsim.trace.spans import Span, tree

if TYPE_CHECKING:
    from pathlib import Path

    from meshsim.trace.event import Event
    from meshsim.trace.recorder import Recorder

__all__ = ["PHASE", "CallFilter", "Trace", "Window"]

PHASE = "phase"
"""The kind of event that begins a part of the run: its text is faults, settle or end."""

# Whose command a word is; every other word is one of Redis', which has none of these.
_COMMAND_ROOMS = {"REQ": "zeromq"}


class CallFilter(Protocol):
    """What picks calls: a parsed selector."""

    def matches(self, caller: str, target: str, operation: str) -> bool:
        """Say whether a call from host to host for a concrete operation is meant."""


class Window(NamedTuple):
    """A stretch of virtual time, its end not included."""

    begin_ns: int
    end_ns: int

    def holds(self, at_ns: int) -> bool:
        """Say whether a moment lies within."""
        return self.begin_ns <= at_ns < self.end_ns


class Trace:
    """What happened so far in one world; asking changes nothing."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    @property
    def hash(self) -> str:
        """The hash over everything so far, hexadecimal: the identity of the run."""
        return self._recorder.hash

    @property
    def now_ns(self) -> int:
        """The virtual clock."""
        return self._recorder.now()

    @property
    def calls(self) -> list[Call]:
        """Every call, in the order sent."""
        return list(self._recorder.calls)

    @property
    def command_pairs(self) -> list[tuple[str, str]]:
        """Who sent commands (as of redis) to whom, in the order of first use."""
        return list(self._recorder.commands)

    def requests(self, selector: str | CallFilter | None = None) -> list[Call]:
        """Give the calls that a selector means, in the order sent: "storefront -> orders place_order".

        Raises:
            UsageError: the text is no selector.
        """
        calls = self._recorder.calls
        if selector is None:
            return list(calls)
        wanted = _parsed(selector)
        found = [call for call in calls if wanted.matches(call.caller, call.target, call.operation)]
        commands = self._commands(wanted)
        return sorted([*found, *commands], key=lambda call: call.sent_ns) if commands else found

    def events(self, kind: str | None = None, host: str | None = None) -> list[Event]:
        """Give the notable events, of one kind, or of one host, or all."""
        return [
            event
            for event in self._recorder.events
            if (kind is None or event.kind == kind) and (host is None or event.host == host)
        ]

    def spans(self) -> list[Span]:
        """Give the calls as trees: who called whom on whose behalf."""
        return tree(self._recorder.calls)

    def window(self, name: str) -> Window | None:
        """Give a part of the run: all, faults (while they run) or settle; None if it never began."""
        end = self.now_ns + 1
        phases = {event.text: event.at_ns for event in self.events(PHASE)}
        if name == "all" or (name == "faults" and not phases):
            return Window(0, end)
        if name not in phases:
            return None
        begin = phases[name]
        later = [at for at in phases.values() if at > begin]
        return Window(begin, min(later, default=end))

    def save(self, path: Path) -> None:
        """Write everything as lines of JSON."""
        save(self._recorder, path)

    def _commands(self, wanted: CallFilter) -> list[Call]:
        """Make calls of the commands that are meant; decode nothing where no pair of hosts can match."""
        recorder = self._recorder
        pairs = {
            (caller, target) for caller, target in recorder.commands if _may_match(wanted, caller, target)
        }
        if not pairs:
            return []
        names = recorder.names
        found = []
        for block in recorder.blocks.all_blocks():
            for record in decode(block):
                if record.code != COMMAND:
                    continue
                caller, target = names[record.numbers[0]], names[record.numbers[1]]
                text, error = record.texts
                operation = text.partition(" ")[0]
                if (caller, target) in pairs and wanted.matches(caller, target, operation):
                    took_ns = record.numbers[2]
                    found.append(_command_call(caller, target, text, error, record.at_ns, took_ns))
        return found


def _parsed(selector: str | CallFilter) -> CallFilter:
    if not isinstance(selector, str):
        return selector
    # Here, because the trace itself needs nothing but the standard library.
    from meshsim.core.selector import parse_selector  # noqa: PLC0415

    return parse_selector(selector)


def _may_match(wanted: CallFilter, caller: str, target: str) -> bool:
    party_of = getattr(wanted, "target", None), getattr(wanted, "caller", None)
    return all(
        party is None or party.matches(host) for party, host in zip(party_of, (target, caller), strict=True)
    )


def _command_call(caller: str, target: str, text: str, error: str, at_ns: int, took_ns: int) -> Call:  # noqa: PLR0917 - a record has this many parts
    operation, _, arguments = text.partition(" ")
    call = Call(0, _COMMAND_ROOMS.get(operation, "redis"), caller, target, operation, at_ns - took_ns)
    call.request = Message(operation, arguments)
    call.received_ns = call.handled_ns = at_ns
    call.status = "" if error else "ok"
    call.error = error
    if error:
        call.failed_ns = at_ns
    else:
        call.replied_ns = at_ns
    return call
