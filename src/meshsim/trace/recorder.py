"""Writes down what happens: task switches and packets as numbers, calls and notable events as objects too.

Everything goes into one stream of records (`blocks.py`), whose hash is the identity of a run. Switches and
packets are written hundreds of thousands of times, so those two methods are closures over the open row of
numbers: no attribute is looked up, no object is made that stays.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from meshsim.trace.blocks import BLOCK_NUMBERS, Blocks
from meshsim.trace.call import Call
from meshsim.trace.event import Event, scrub
from meshsim.trace.intent import take
from meshsim.trace.layout import (
    CALL_FAILED,
    CALL_HANDLED,
    CALL_RECEIVED,
    CALL_REPLIED,
    CALL_SENT,
    COMMAND,
    EVENT,
    HOST,
    NAME,
    NONE,
    PACKET,
    SWITCH,
)
from meshsim.trace.message import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.trace.message import Message

    Observer = Callable[[str, Call], object]

__all__ = ["Recorder"]


class Recorder:
    """The record of one world.

    Args:
        now: the virtual clock, in nanoseconds.
        keep: hold on to the encoded records, about 60 bytes a packet; without it the hash, calls and events
            stay, but differences can only be told by block, and redis commands not be asked for.

    Attributes:
        switch: `switch(task_serial)`, a task begins to run. For `Kernel.on_switch`.
        packet: `packet(source_index, target_index, kind, size_bytes, fate)`. For `Fabric.on_packet`.
        calls: every call, in the order sent; `calls[id - 1]`.
        events: every notable event, in order.
        observers: called as `observer(phase, call)` after each step of a call, phase being sent, received,
            handled, replied or failed. They run where the step happened and must not block.
        hosts: names of hosts by index, as packets carry them.
    """

    def __init__(self, now: Callable[[], int], *, keep: bool = True) -> None:
        self.now = now
        self.blocks = Blocks(keep=keep)
        self.calls: list[Call] = []
        self.events: list[Event] = []
        self.observers: list[Observer] = []
        self.hosts: dict[int, str] = {}
        self.commands: dict[tuple[str, str], int] = {}
        self._names: dict[str, int] = {}
        self._numbers = self.blocks.numbers
        self._texts = self.blocks.texts
        self.switch: Callable[[int], None]
        self.packet: Callable[[int, int, int, int, int], None]
        self._bind_hot_path()

    def _bind_hot_path(self) -> None:
        now, blocks = self.now, self.blocks
        numbers = blocks.numbers
        extend = numbers.extend

        def switch(task: int) -> None:
            extend((SWITCH, now(), task))
            if len(numbers) >= BLOCK_NUMBERS:
                blocks.close_block()

        def packet(source: int, target: int, kind: int, size_bytes: int, fate: int) -> None:
            extend((PACKET, now(), source, target, kind, size_bytes, fate))
            if len(numbers) >= BLOCK_NUMBERS:
                blocks.close_block()

        self.switch = switch
        self.packet = packet

    def _write(self, numbers: tuple[int, ...], *texts: str) -> None:
        self._numbers.extend(numbers)
        self._texts.extend(texts)
        if len(self._numbers) >= BLOCK_NUMBERS:
            self.blocks.close_block()

    @property
    def hash(self) -> str:
        """The hash over everything so far, hexadecimal."""
        return self.blocks.hexdigest()

    def intern(self, name: str) -> int:
        """Give the id of a name; its first use is a record of its own."""
        number = self._names.get(name)
        if number is None:
            number = self._names[name] = len(self._names)
            self._write((NAME, self.now(), number), name)
        return number

    @property
    def names(self) -> list[str]:
        """Every interned name, by id."""
        return list(self._names)

    def host(self, index: int, name: str) -> None:
        """Tell which host packets mean by `index`."""
        self.hosts[index] = name
        self._write((HOST, self.now(), index), name)

    def event(self, kind: str, host: str, text: str, **data: Any) -> Event:
        """Note something worth a line in a report; `data` is copied to plain JSON data."""
        event = Event(self.now(), kind, host, scrub(text), plain(data))
        self.events.append(event)
        kind_id, host_id = self.intern(kind), self.intern(host)
        written = scrub(json.dumps(event.data)) if data else ""
        self._write((EVENT, event.at_ns, kind_id, host_id), event.text, written)
        return event

    def phase(self, name: str) -> None:
        """Note that a part of the run begins: faults, settle, or end."""
        self.event("phase", "", name)

    def command(self, host: str, target: str, text: str, took_ns: int = 0, error: str = "") -> None:
        """Note a finished exchange of a room with too many of them for a Call each.

        Args:
            host: who asked.
            target: who was asked.
            text: the command; its first word is the operation.
            took_ns: how long the caller waited.
            error: the error that the caller got, "" for none.
        """
        key = (host, target)
        self.commands[key] = self.commands.get(key, 0) + 1
        host_id, target_id = self.intern(host), self.intern(target)
        numbers = (COMMAND, self.now(), host_id, target_id, took_ns)
        self._write(numbers, scrub(text), scrub(error) if error else "")

    def call_sent(
        self,
        room: str,
        caller: str,
        target: str,
        operation: str,
        *,
        request: Message | None = None,
        intended_ns: int | None = None,
        deadline_ns: int | None = None,
        parent: Call | None = None,
        attempt: int = 1,
        target_host: str = "",
        origin: str = "",
    ) -> Call:
        """Note that a request leaves its caller; the Call goes with it, and the other methods complete it.

        Args:
            room: the protocol's word.
            caller: the host that asks.
            target: the service that is asked, by its name in the scenario.
            operation: concrete, as `POST /orders/7`.
            request: what is sent.
            intended_ns: when the workload meant to send, if that was earlier.
            deadline_ns: when the caller gives up, if it does.
            parent: the call whose handler sends this one.
            attempt: 1 for the first, if the room can tell.
            target_host: the replica, where known by now.
            origin: what the caller counts as one piece of work; see `Call`.
        """
        now = self.now()
        if parent is None and intended_ns is None:
            # A workload says what its flow's next call was meant to be; no room need know of workloads.
            intent = take()
            if intent is not None:
                intended_ns, origin = intent.at_ns, origin or intent.origin
        call = Call(len(self.calls) + 1, room, caller, target, operation, now)
        self.calls.append(call)
        call.request = request
        if intended_ns is not None:
            call.intended_ns = intended_ns
        call.deadline_ns = deadline_ns
        call.parent = parent.id if parent is not None else 0
        call.attempt = attempt
        call.target_host = target_host
        call.origin = origin
        names = self.intern(room), self.intern(caller), self.intern(target), self.intern(target_host)
        deadline = NONE if deadline_ns is None else deadline_ns
        crc = request.crc if request is not None else NONE
        self._write(
            (CALL_SENT, now, call.id, *names, call.intended_ns, deadline, call.parent, attempt, crc),
            operation,
        )
        self._tell("sent", call)
        return call

    def call_received(self, call: Call, target_host: str = "") -> None:
        """Note that a request reached its handler, on `target_host` if that was not known before."""
        call.received_ns = self.now()
        if target_host:
            call.target_host = target_host
        self._write((CALL_RECEIVED, call.received_ns, call.id, self.intern(call.target_host)))
        self._tell("received", call)

    def call_handled(self, call: Call, status: int | str = "") -> None:
        """Note that the handler is done, whether or not anybody still waits."""
        call.handled_ns = self.now()
        if call.ended_ns is None:
            call.status = status
        self._write((CALL_HANDLED, call.handled_ns, call.id), str(status))
        self._tell("handled", call)

    def call_replied(
        self, call: Call, status: int | str = "", reply: Message | None = None, error: str = ""
    ) -> None:
        """Note that the caller has its reply; `error` where the reply itself says that it went wrong."""
        call.replied_ns = self.now()
        call.status = status
        call.reply = reply
        call.error = scrub(error)
        crc = reply.crc if reply is not None else NONE
        self._write((CALL_REPLIED, call.replied_ns, call.id, crc), str(status), call.error)
        self._tell("replied", call)

    def call_failed(self, call: Call, error: str) -> None:
        """Note that the caller got an exception instead of a reply, or gave up."""
        call.failed_ns = self.now()
        call.status = ""
        call.error = scrub(error) or "failed"
        self._write((CALL_FAILED, call.failed_ns, call.id), call.error)
        self._tell("failed", call)

    def _tell(self, phase: str, call: Call) -> None:
        # A copy: an observer that fires once takes itself off.
        for observer in tuple(self.observers):
            observer(phase, call)
