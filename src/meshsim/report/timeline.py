"""A few lines of the run: when, who, what, how it came out.

      3.041s  worker/0 -> stripe    POST /v1/charges order_id=17  201 ch_91
      3.041s  worker/0 CRASH        fault :24:5                   shop/tasks.py:44 in charge
> 1h00m03.1s  worker/1 -> stripe    POST /v1/charges order_id=17  201 ch_92
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from meshsim.checks.result import TOOK
from meshsim.core.names import TEST_HOST
from meshsim.core.units import MS, SECOND, US, format_duration
from meshsim.trace import MISSING, Call, Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from meshsim.trace import Trace

__all__ = ["CALLS_BEFORE_MAX", "LINES_MAX", "Line", "line_of", "render", "surroundings"]

LINES_MAX = 10
"""A failure shows so many lines of the run; the trace has the rest."""

NOTABLE = frozenset(
    (
        "boot",
        "crash",
        "exit",
        "failover",
        "fault",
        "heal",
        "pause",
        "restart",
        "resume",
        "terminate",
        "unhandled",
    )
)
"""Kinds of events that may explain what happened between two calls."""

CALLS_BEFORE_MAX = 4
"""An event alone says little: so many calls before it are shown too."""

_WORDS = {"unhandled": "ERROR", "check": "BROKE", "heal": "HEALED"}
_TEXT_MAX = 60
_TIME_WIDTH = 10


class Line(NamedTuple):
    """One moment in words, column by column."""

    at_ns: int
    who: tuple[str, str]
    what: str
    outcome: str


def line_of(moment: Call | Event, shows: Sequence[str] = ()) -> Line:
    """Put a call or an event in words.

    Args:
        moment: what to write.
        shows: keys of the body to show, and TOOK for how long a call took.
    """
    if isinstance(moment, Event):
        return _event_line(moment)
    fields = [(key, moment.body(key)) for key in shows if key != TOOK]
    what = " ".join([moment.operation, *(f"{key}={value}" for key, value in fields if value is not MISSING)])
    outcome = _outcome(moment)
    if TOOK in shows and moment.ended_ns is not None:
        outcome += f" after {format_duration(moment.ended_ns - moment.intended_ns, resolution_ns=US)}"
    # A call to a service that no replica took is shown by the service's name.
    return Line(moment.sent_ns, (moment.caller, f"-> {moment.target}"), _cut(what), outcome)


def _event_line(event: Event) -> Line:
    word = _WORDS.get(event.kind, event.kind.upper())
    what = "" if event.text.upper() == word else event.text.partition("\n")[0]
    where = str(event.data.get("where", ""))
    place = str(event.data.get("place", ""))
    what = " ".join(part for part in (what, place) if part)
    return Line(event.at_ns, (event.host, word) if event.host else (word, ""), _cut(what), where)


def _outcome(call: Call) -> str:
    if call.error and not call.answered:
        return _cut(call.error.partition("\n")[0])
    if not call.answered:
        return "no answer"
    found = call.reply.field("id") if call.reply is not None else MISSING
    named = "" if found is MISSING or isinstance(found, dict | list) else f" {found}"
    return _cut(f"{call.status}{named}{' ' + call.error if call.error else ''}")


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_MAX else text[: _TEXT_MAX - 3] + "..."


def moment_text(at_ns: int) -> str:
    """Write a moment of virtual time as finely as it is worth reading."""
    return format_duration(at_ns, resolution_ns=MS if at_ns >= SECOND else US)


def render(lines: Sequence[Line], marked: int | None = None) -> list[str]:
    """Lay lines out in columns.

    Args:
        lines: in order of time.
        marked: the index of the line that gets the `>`.
    """
    if not lines:
        return []
    left = max(len(line.who[0]) for line in lines)
    names = [
        f"{line.who[0]:<{left}} {line.who[1]}" if line.who[1][:2] == "->" else " ".join(line.who).rstrip()
        for line in lines
    ]
    who = max(len(name) for name in names)
    what = max(len(line.what) for line in lines)
    rows = []
    for index, (line, name) in enumerate(zip(lines, names, strict=True)):
        mark = ">" if index == marked else " "
        time = f"{moment_text(line.at_ns):>{_TIME_WIDTH}}"
        rows.append(f"{mark} {time}  {name:<{who}}  {line.what:<{what}}  {line.outcome}".rstrip())
    return rows


def surroundings(trace: Trace, evidence: Sequence[Call | Event]) -> list[Call | Event]:
    """Add to the evidence what happened around it, in order of time, cut to LINES_MAX.

    Around calls that is what happened to their hosts meanwhile; before an event, the last calls of its host.
    The evidence itself comes first: an event is left out before a call that shows the failure is.
    """
    if not evidence:
        return []
    shown = list(evidence[-LINES_MAX:])
    room = LINES_MAX - len(shown)
    around = _meanwhile(trace, shown) + _before(trace, shown)
    # Where it is too much, what came last is nearest to the failure.
    chosen = sorted(around, key=_at_ns)[-room:] if room else []
    # In one moment, calls before events: what a call brought about comes after it.
    return sorted([*chosen, *shown], key=lambda moment: (_at_ns(moment), isinstance(moment, Event)))


def _meanwhile(trace: Trace, shown: Sequence[Call | Event]) -> list[Call | Event]:
    """Give the notable events of the same hosts, and of the world, between the first and the last moment."""
    begin, end = min(map(_at_ns, shown)), max(map(_at_ns, shown))
    hosts = {host for moment in shown for host in _hosts(moment)}
    return [
        event
        for event in trace.events()
        if event.kind in NOTABLE
        and begin <= event.at_ns <= end
        and (not event.host or event.host in hosts)
        and event not in shown
    ]


def _before(trace: Trace, shown: Sequence[Call | Event]) -> list[Call | Event]:
    """Give the last calls before an event: of its host, or of anybody where the test saw it."""
    events = [moment for moment in shown if isinstance(moment, Event)]
    if len(events) < len(shown):
        return []
    first = events[0]
    calls: list[Call | Event] = [
        call
        for call in trace.calls
        if call.sent_ns <= first.at_ns and (first.host in ("", TEST_HOST) or first.host in _hosts(call))
    ]
    return calls[-CALLS_BEFORE_MAX:]


def _at_ns(moment: Call | Event) -> int:
    return moment.at_ns if isinstance(moment, Event) else moment.sent_ns


def _hosts(moment: Call | Event) -> Iterable[str]:
    return (moment.host,) if isinstance(moment, Event) else (moment.caller, moment.target)
