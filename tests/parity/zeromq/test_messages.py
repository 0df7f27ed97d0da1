"""What may be sent as a message, and as what it arrives."""

from __future__ import annotations

import array
from typing import TYPE_CHECKING, Any

import pytest
import zmq

from tests.parity.zeromq.sockets import bound, connected

if TYPE_CHECKING:
    from tests.parity.zeromq.sockets import Context

pytestmark = pytest.mark.usefixtures("arm")


def pair(ctx: Context) -> tuple[Any, Any]:
    pull, address = bound(ctx, zmq.PULL)
    return connected(ctx, zmq.PUSH, address), pull


@pytest.mark.parametrize(
    "data",
    [b"bytes", bytearray(b"array"), memoryview(b"view"), array.array("i", [1, 2]), zmq.Frame(b"frame")],
)
def test_anything_with_a_buffer_is_sent(ctx: Context, data: Any) -> None:
    """Bytes, arrays, views and frames arrive as their bytes, alone and in a message of several."""
    push, pull = pair(ctx)
    push.send(data)
    push.send_multipart([data, data])
    assert [pull.recv(), *pull.recv_multipart()] == [bytes(data)] * 3


def test_what_is_sent_is_what_it_was(ctx: Context) -> None:
    """A buffer that is changed after it was sent arrives as it was."""
    push, pull = pair(ctx)
    data = bytearray(b"before")
    push.send(data)
    data[:] = b"after!"
    assert pull.recv() == b"before"


def test_a_buffer_with_holes_is_refused(ctx: Context) -> None:
    """A view of every second byte cannot be sent."""
    push, _ = pair(ctx)
    with pytest.raises(BufferError, match="underlying buffer is not contiguous"):
        push.send(memoryview(b"hello")[::2])


@pytest.mark.parametrize("parts", ["abc", [None], [b"a", 1], (part for part in [b"a"])])
def test_what_is_no_message_is_refused(ctx: Context, parts: Any) -> None:
    """Text, None, numbers and generators are no messages, and nothing of them is sent."""
    push, pull = pair(ctx)
    with pytest.raises(TypeError):
        push.send_multipart(parts)
    push.send(b"next")
    assert pull.recv() == b"next"


def test_drafts_are_refused(ctx: Context) -> None:
    """A routing id or a group of a message needs drafts, which libzmq's wheels have not."""
    push, _ = pair(ctx)
    with pytest.raises(RuntimeError, match="draft support for CLIENT-SERVER"):
        push.send(b"x", routing_id=5)
    with pytest.raises(RuntimeError, match="draft support for RADIO-DISH"):
        push.send(b"x", group="g")
    with pytest.raises(RuntimeError, match="draft support"):
        push.join("g")


def test_a_tracker_is_done_when_the_message_is_gone(ctx: Context) -> None:
    """A message sent with a tracker can be waited for; a frame without one has none."""
    push, pull = pair(ctx)
    tracker = push.send(bytes(100_000), copy=False, track=True)
    assert len(pull.recv()) == 100_000
    tracker.wait(20)
    assert tracker.done
    with pytest.raises(ValueError, match="Not a tracked message"):
        push.send(zmq.Frame(b"x"), copy=False, track=True)


def test_a_shadow_of_nothing_is_refused(ctx: Context) -> None:
    """A shadow needs a socket or its address."""
    assert ctx is not None
    with pytest.raises(ValueError, match="Cannot cast"):
        zmq.Socket.shadow(object())  # type: ignore[arg-type]  # what is wrong is the point
