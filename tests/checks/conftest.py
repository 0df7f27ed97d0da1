"""A recorded run to judge, written call by call."""

from __future__ import annotations

import pytest

from meshsim.trace import Call, Message, Recorder, Trace

MS = 10**6
SECOND = 10**9


class Run:
    """A recorder with a clock, and one method that writes a whole call.

    A call is sent at the moment the clock shows and the clock then moves on by what the call took.
    """

    def __init__(self) -> None:
        self.now_ns = 0
        self.recorder = Recorder(lambda: self.now_ns)
        self.trace = Trace(self.recorder)

    def call(
        self,
        route: str = "shop/0 -> orders",
        operation: str = "POST /orders",
        *,
        took_ns: int = MS,
        status: int | str = 200,
        error: str = "",
        body: object = None,
        parent: Call | None = None,
        reached: bool = True,
        deadline_ns: int | None = None,
        intended_ns: int | None = None,
        headers: list[tuple[str, str]] | None = None,
        origin: str = "",
    ) -> Call:
        """Write one call, answered with `status`, or failed with `error`."""
        caller, _, target = route.partition(" -> ")
        record = self.recorder
        call = record.call_sent(
            "http",
            caller,
            target,
            operation,
            request=Message(headers=headers or [], body=body),
            parent=parent,
            deadline_ns=deadline_ns,
            intended_ns=intended_ns,
            origin=origin,
        )
        if reached:
            record.call_received(call, f"{target}/0")
        self.now_ns += took_ns
        if error:
            record.call_failed(call, error)
        else:
            record.call_handled(call, status)
            record.call_replied(call, status)
        return call


@pytest.fixture
def run() -> Run:
    return Run()
