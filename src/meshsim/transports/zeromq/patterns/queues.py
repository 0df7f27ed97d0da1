"""Fair queuing and round robin, swap for swap as libzmq's `fq_t` and `lb_t` do them.

Both keep their pipes in one list, the active ones in front. A pipe that turns out to be empty or full is
swapped behind the active ones, one that comes back is swapped to their end: which pipe is next depends on those
swaps, and programs can tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshsim.transports.zeromq.pipes import Message, Pipe

__all__ = ["FairQueue", "LoadBalancer"]


class FairQueue:
    """Takes messages from many pipes in turn.

    Attributes:
        last: the pipe that the latest message came from.
    """

    __slots__ = ("_active", "_current", "_pipes", "last")

    def __init__(self) -> None:
        self._pipes: list[Pipe] = []
        self._active = 0
        self._current = 0
        self.last: Pipe | None = None

    def attach(self, pipe: Pipe) -> None:
        """Add a pipe, active."""
        pipe.fair_at = len(self._pipes)
        pipe.queue = self
        self._pipes.append(pipe)
        self.activated(pipe)

    def activated(self, pipe: Pipe) -> None:
        """Note that a pipe has something to read again."""
        if pipe.fair_at != self._active:
            self._swap(pipe.fair_at, self._active)
        self._active += 1

    def detach(self, pipe: Pipe) -> None:
        """Forget a pipe."""
        at = pipe.fair_at
        if at < 0:
            return
        if at < self._active:
            self._active -= 1
            self._swap(at, self._active)
            if self._current == self._active:
                self._current = 0
        # As libzmq's array does: the last one fills the gap.
        at = pipe.fair_at
        last = self._pipes.pop()
        if last is not pipe:
            self._pipes[at] = last
            last.fair_at = at
        pipe.fair_at = -1
        pipe.queue = None

    def take(self) -> Message | None:
        """Take the next message, or None when every pipe is empty."""
        while self._active:
            pipe = self._pipes[self._current]
            # As `Pipe.read`, without the call: this is done twice for each message.
            inbox = pipe.inbox
            if inbox:
                message = inbox.popleft()
                pipe.taken = taken = pipe.taken + 1
                if not taken % pipe.low_in:
                    pipe.drained()
                current = self._current + 1
                self._current = current if current < self._active else 0
                self.last = pipe
                return message
            pipe.sleep()
            self._sleep(pipe)
        return None

    def ready(self) -> bool:
        """Whether `take` would give a message."""
        while self._active:
            pipe = self._pipes[self._current]
            if pipe.check_read():
                return True
            self._sleep(pipe)
        return False

    def _sleep(self, pipe: Pipe) -> None:
        # A pipe whose peer is gone detaches itself while it is read.
        if pipe.fair_at < 0:
            return
        self._active -= 1
        if self._current == self._active:
            self._current = 0
        else:
            self._swap(self._current, self._active)

    def _swap(self, one: int, other: int) -> None:
        if one != other:
            pipes = self._pipes
            pipes[one], pipes[other] = pipes[other], pipes[one]
            pipes[one].fair_at = one
            pipes[other].fair_at = other


class LoadBalancer:
    """Gives messages to many pipes in turn, to those that have room."""

    __slots__ = ("_active", "_current", "_pipes")

    def __init__(self) -> None:
        self._pipes: list[Pipe] = []
        self._active = 0
        self._current = 0

    def attach(self, pipe: Pipe) -> None:
        """Add a pipe, active."""
        pipe.balance_at = len(self._pipes)
        self._pipes.append(pipe)
        self.activated(pipe)

    def activated(self, pipe: Pipe) -> None:
        """Note that a pipe has room again."""
        self._swap(pipe.balance_at, self._active)
        self._active += 1

    def detach(self, pipe: Pipe) -> None:
        """Forget a pipe."""
        at = pipe.balance_at
        if at < 0:
            return
        if at < self._active:
            self._active -= 1
            self._swap(at, self._active)
            if self._current == self._active:
                self._current = 0
        at = pipe.balance_at
        last = self._pipes.pop()
        if last is not pipe:
            self._pipes[at] = last
            last.balance_at = at
        pipe.balance_at = -1

    def choose(self) -> Pipe | None:
        """Return the pipe that the next message goes to, or None when none has room."""
        while self._active:
            pipe = self._pipes[self._current]
            if pipe.check_write():
                return pipe
            self._active -= 1
            if self._current < self._active:
                self._swap(self._current, self._active)
            else:
                self._current = 0
        return None

    def advance(self) -> None:
        """Go on to the next pipe: a whole message has been written."""
        self._current += 1
        if self._current >= self._active:
            self._current = 0

    def _swap(self, one: int, other: int) -> None:
        if one != other:
            pipes = self._pipes
            pipes[one], pipes[other] = pipes[other], pipes[one]
            pipes[one].balance_at = one
            pipes[other].balance_at = other
