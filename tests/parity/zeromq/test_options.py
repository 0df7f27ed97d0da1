"""Every option of every socket type, with good values and bad ones: what libzmq takes, gives back and refuses."""

from __future__ import annotations

from typing import Any

import pytest
import zmq

from meshsim.errors import UnsupportedOperation
from meshsim.world import World
from tests.parity.zeromq.conftest import nothing

KINDS = (
    zmq.PAIR, zmq.PUB, zmq.SUB, zmq.REQ, zmq.REP, zmq.DEALER, zmq.ROUTER, zmq.PULL, zmq.PUSH, zmq.XPUB, zmq.XSUB,
)  # fmt: skip
VALUES: tuple[Any, ...] = (0, 1, 2, 5, 100, -1, -2, 2**31 - 1, b"", b"x", b"abc", b"\0x", "text", None)
# What the table of the room says that it lacks.
LACKING = {"ROUTER_RAW", "RECONNECT_STOP", "IPC_FILTER_PID", "IPC_FILTER_UID", "IPC_FILTER_GID"}
SECURITY = ("CURVE_", "PLAIN_", "GSSAPI_", "ZAP_", "WSS_", "NORM_", "VMCI_")
# A descriptor, an address, and events: each is another one on each arm.
OWN = {"FD", "USE_FD", "LAST_ENDPOINT"}
OPTIONS = [
    option
    for option in zmq.SocketOption
    if option.name not in LACKING | OWN and not option.name.startswith(SECURITY)
]


def outcome(call: Any, *args: Any) -> Any:
    """Return what a call gave, or what it raised."""
    try:
        return call(*args)
    except (zmq.ZMQError, TypeError, OverflowError) as error:
        return type(error).__name__, getattr(error, "errno", None), str(error)


def everything(kind: int) -> dict[str, Any]:
    """Set each option of a socket to each value, and ask for each before and after."""
    found: dict[str, Any] = {}
    context: Any = zmq.Context()
    socket = context.socket(kind)
    for option in OPTIONS:
        found[option.name] = outcome(socket.get, option)
        for value in VALUES:
            found[f"{option.name} = {value!r}"] = (
                outcome(socket.set, option, value),
                outcome(socket.get, option),
            )
    socket.close(linger=0)
    context.term()
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_options_are_taken_and_refused_alike(kind: zmq.SocketType) -> None:
    """Each value of each option is taken or refused in a world as outside of one, and given back as the same."""
    with World(seed=1).service("idle", python=nothing):
        simulated = everything(kind)
    real = everything(kind)
    assert len(real) > 500
    assert {name: simulated[name] for name in real if simulated[name] != real[name]} == {}


@pytest.mark.parametrize("name", sorted(LACKING))
def test_what_is_lacking_is_refused_by_name(name: str) -> None:
    """An option that changes what libzmq does, and that the room lacks, raises UnsupportedOperation with its name."""
    with World(seed=1).service("idle", python=nothing), zmq.Context() as context:
        with context.socket(zmq.ROUTER) as socket, pytest.raises(UnsupportedOperation, match=name):
            socket.set(zmq.SocketOption[name], 1)
