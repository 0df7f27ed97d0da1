"""Our numbers are libzmq's, as pyzmq names them."""

from __future__ import annotations

from typing import Any

import pytest
import zmq.constants

from meshsim.transports.zeromq import numbers

PAIRS: list[tuple[Any, Any]] = [
    (numbers.SocketType, zmq.constants.SocketType),
    (numbers.Option, zmq.constants.SocketOption),
    (numbers.ContextOption, zmq.constants.ContextOption),
    (numbers.Event, zmq.constants.Event),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_each_name_has_its_number(
    ours: type[numbers.Option], theirs: type[zmq.constants.SocketOption]
) -> None:
    """Each name of ours is one of pyzmq's, with the same number."""
    assert len(ours) > 5
    assert {name: theirs[name].value for name in ours.__members__} == {
        name: member.value for name, member in ours.__members__.items()
    }


def test_no_socket_type_or_option_is_forgotten() -> None:
    """Every socket type and option that pyzmq knows has a name here, so that a refusal can tell it."""
    for ours, theirs in PAIRS[:2]:
        known = [member.value for member in ours.__members__.values()]
        assert [name for name, member in theirs.__members__.items() if member.value not in known] == []


def test_flags_and_poll_bits() -> None:
    """Flags and the bits of polling are libzmq's."""
    assert (numbers.DONTWAIT, numbers.SNDMORE) == (zmq.DONTWAIT, zmq.SNDMORE)
    ours = (numbers.POLLIN, numbers.POLLOUT, numbers.POLLERR, numbers.POLLPRI)
    assert ours == (zmq.POLLIN, zmq.POLLOUT, zmq.POLLERR, zmq.POLLPRI)
