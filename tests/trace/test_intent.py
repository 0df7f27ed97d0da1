"""What a workload meant by a call."""

from __future__ import annotations

from contextvars import copy_context

from meshsim.trace.intent import Intent, intend, take


def test_only_the_first_call_was_due_at_the_moment() -> None:
    """What follows on a workload's call belongs to it, and was due when it was sent."""

    def flow() -> None:
        assert take() is None
        intend(5, "buyers#1")
        assert take() == Intent(5, "buyers#1")
        assert take() == Intent(None, "buyers#1")
        intend(7, "buyers#2")
        assert take() == Intent(7, "buyers#2")

    copy_context().run(flow)


def test_a_flow_does_not_know_what_another_meant() -> None:
    """The intent stays in the context in which it was said."""
    copy_context().run(intend, 5, "buyers#1")
    assert take() is None
