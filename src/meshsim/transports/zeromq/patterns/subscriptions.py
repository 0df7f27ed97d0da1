"""Who wants which topics: a subscriber's own, and a publisher's by peer.

Topics are prefixes. A publisher has few lengths of them, so a look-up for each length finds every match, without
the trie that libzmq has: what a trie saves in C it costs in Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshsim.transports.zeromq.pipes import Pipe

__all__ = ["Subscriptions", "Topics"]


class Topics:
    """A subscriber's topics, each counted as often as it was asked for."""

    __slots__ = ("_counts", "_lengths")

    def __init__(self) -> None:
        self._counts: dict[bytes, int] = {}
        self._lengths: list[int] = []

    def add(self, topic: bytes) -> None:
        """Want a topic once more."""
        self._counts[topic] = self._counts.get(topic, 0) + 1
        if len(topic) not in self._lengths:
            self._lengths.append(len(topic))

    def remove(self, topic: bytes) -> bool:
        """Want a topic once less; True when that was the last time."""
        count = self._counts.get(topic, 0)
        if count > 1:
            self._counts[topic] = count - 1
            return False
        if not count:
            return False
        del self._counts[topic]
        self._lengths = list(dict.fromkeys(map(len, self._counts)))
        return True

    def __len__(self) -> int:
        return len(self._counts)

    def match(self, frame: bytes) -> bool:
        """Whether a first frame begins with one of the topics."""
        counts = self._counts
        for length in self._lengths:  # noqa: SIM110 - a generator costs more than what it would do here
            if frame[:length] in counts:
                return True
        return False

    def walk(self) -> list[bytes]:
        """Return every topic once, in the order in which libzmq tells them to a new peer."""
        return sorted(self._counts)


class Subscriptions:
    """A publisher's topics, each with the peers that want it, in the order in which they asked."""

    __slots__ = ("_lengths", "_peers")

    def __init__(self) -> None:
        self._peers: dict[bytes, dict[Pipe, int]] = {}
        self._lengths: list[int] = []

    def add(self, topic: bytes, pipe: Pipe) -> bool:
        """Note that a peer wants a topic; True when it is the first."""
        peers = self._peers.get(topic)
        first = peers is None
        if peers is None:
            peers = self._peers[topic] = {}
            if len(topic) not in self._lengths:
                self._lengths.append(len(topic))
        peers[pipe] = 1
        return first

    def remove(self, topic: bytes, pipe: Pipe) -> bool:
        """Note that a peer no longer wants a topic; True when nobody does."""
        peers = self._peers.get(topic)
        if peers is None:
            return True
        peers.pop(pipe, None)
        if peers:
            return False
        del self._peers[topic]
        self._lengths = list(dict.fromkeys(map(len, self._peers)))
        return True

    def __len__(self) -> int:
        return len(self._peers)

    def forget(self, pipe: Pipe, *, all_of_them: bool) -> list[bytes]:
        """Note that a peer is gone.

        Returns:
            Its topics, all of them or those that nobody wants any more.
        """
        mine = [topic for topic, peers in self._peers.items() if pipe in peers]
        return [topic for topic in sorted(mine) if self.remove(topic, pipe) or all_of_them]

    def matching(self, frame: bytes) -> Iterable[Pipe]:
        """Return the peers that want a message with this first frame, each once."""
        found: dict[Pipe, int] | None = None
        merged: dict[Pipe, int] | None = None
        for length in self._lengths:
            peers = self._peers.get(frame[:length]) if length <= len(frame) else None
            if peers is None:
                continue
            if found is None:
                found = peers
            else:
                if merged is None:
                    merged = dict(found)
                merged.update(peers)
        if merged is not None:
            return merged
        return found if found is not None else ()
