"""PUB, XPUB, SUB and XSUB."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from meshsim.transports.zeromq.errors import EINVAL, ENOTSUP, failure
from meshsim.transports.zeromq.numbers import Option
from meshsim.transports.zeromq.patterns.pattern import Pattern, flag
from meshsim.transports.zeromq.patterns.queues import FairQueue
from meshsim.transports.zeromq.patterns.subscriptions import Subscriptions, Topics
from meshsim.transports.zeromq.pipes import wire_bytes

if TYPE_CHECKING:
    from meshsim.transports.zeromq.pipes import Message, Pipe
    from meshsim.transports.zeromq.socket import MeshSocket

__all__ = ["Pub", "Sub", "XPub", "XSub"]

SUBSCRIBE = 1
CANCEL = 0


class XPub(Pattern):
    """Sends each message to every peer that subscribed to it; gives the subscriptions to its program."""

    __slots__ = (
        "_last_pipe",
        "_lossy",
        "_manual",
        "_matching",
        "_news",
        "_only_first",
        "_own",
        "_partial",
        "_pipes",
        "_to_last",
        "_topics",
        "_verbose",
        "_verbose_cancels",
        "_welcome",
    )

    tells = True

    def __init__(self, socket: MeshSocket) -> None:
        super().__init__(socket)
        self._pipes: dict[Pipe, None] = {}
        self._topics = Subscriptions()
        # What peers asked for, where the program decides itself what they get.
        self._own = Subscriptions()
        self._news: deque[tuple[Message, Pipe | None]] = deque()
        # Frames for the program that come before the last one of their message.
        self._partial: list[bytes] = []
        self._matching: tuple[Pipe, ...] = ()
        self._lossy = True
        self._only_first = self._to_last = False
        self._verbose = self._verbose_cancels = self._manual = False
        self._last_pipe: Pipe | None = None
        self._welcome: Message | None = None

    # -- peers ------------------------------------------------------------------------------------------

    def attach(self, pipe: Pipe, routing_id: bytes | None) -> None:  # noqa: ARG002 - nobody is named here
        """Take up a pipe, and read what it subscribes to."""
        self._pipes[pipe] = None
        if self._welcome is not None:
            pipe.write(self._welcome, wire_bytes(self._welcome))
        self.read_activated(pipe)

    def detach(self, pipe: Pipe) -> None:
        """Forget a peer; topics that nobody wants any more are cancelled."""
        self._pipes.pop(pipe, None)
        if pipe is self._last_pipe:
            self._last_pipe = None
        if self._manual:
            gone = self._own.forget(pipe, all_of_them=False)
            self._topics.forget(pipe, all_of_them=False)
        else:
            gone = self._topics.forget(pipe, all_of_them=self._verbose_cancels)
        if self.tells:
            for topic in gone:
                self._news.append(((b"\0" + topic,), None))
            if gone:
                self.socket.changed_events()

    def read_activated(self, pipe: Pipe) -> None:
        """Read subscriptions, and whatever else an XSUB sends upstream."""
        message = pipe.read()
        while message is not None:
            if len(message) == 1 or not self._only_first or is_wish(message[0]):
                # As libzmq does: wishes may stand in one message with others, and with what is none.
                for at, frame in enumerate(message, 1):
                    if is_wish(frame):
                        self._asked(pipe, frame[0] == SUBSCRIBE, frame[1:])
                    else:
                        self._pass_on(frame, more=at < len(message))
            else:
                for at, frame in enumerate(message, 1):
                    self._pass_on(frame, more=at < len(message))
            message = pipe.read()

    def _pass_on(self, frame: bytes, *, more: bool, pipe: Pipe | None = None) -> None:
        """Give a frame to the program, behind those that wait for the end of their message."""
        if not self.tells and not self._manual:
            return
        self._partial.append(frame)
        if not more:
            self._news.append((tuple(self._partial), pipe))
            self._partial.clear()

    def _asked(self, pipe: Pipe, wanted: bool, topic: bytes) -> None:  # noqa: FBT001 - one of two
        if self._manual:
            if wanted:
                self._own.add(topic, pipe)
            else:
                self._own.remove(topic, pipe)
            notify = True
        elif wanted:
            notify = self._topics.add(topic, pipe) or self._verbose
        else:
            notify = self._topics.remove(topic, pipe) or self._verbose_cancels
        if self._manual or (notify and self.tells):
            self._pass_on(bytes((wanted,)) + topic, more=False, pipe=pipe)

    def write_activated(self, pipe: Pipe) -> None:
        """Do nothing: a pipe without room is found out when a message is for it."""

    # -- messages ---------------------------------------------------------------------------------------

    def reserve(self, first: bytes, *, more: bool) -> bool:  # noqa: ARG002 - the first frame is what matters
        """Find who subscribed to the first frame."""
        matching: tuple[Pipe, ...] = tuple(self._topics.matching(first))
        if self._to_last and self._last_pipe is not None:
            # Only who asked last, for its last value.
            matching = tuple(pipe for pipe in matching if pipe is self._last_pipe)
            self._last_pipe = None
        if self.socket.options.invert_matching:
            found = dict.fromkeys(matching)
            matching = tuple(pipe for pipe in self._pipes if pipe not in found)
        self._matching = matching
        return self._lossy or all(pipe.check_write() for pipe in matching)

    def commit(self, message: Message) -> None:
        """Send to each of them; one whose pipe is full misses it."""
        size_bytes = wire_bytes(message)
        for pipe in self._matching:
            pipe.offer(message, size_bytes)
        self._matching = ()

    def take(self) -> Message | None:
        """Take the next subscription, or message from upstream."""
        if not self._news:
            return None
        message, pipe = self._news.popleft()
        if self._manual and pipe is not None:
            self._last_pipe = pipe if pipe in self._pipes else None
        return message

    def readable(self) -> bool:
        """Whether there is news."""
        return bool(self._news)

    def writable(self) -> bool:
        """Whether something can be sent: always."""
        return True

    # -- options ----------------------------------------------------------------------------------------

    def set(self, option: int, value: int | bytes) -> bool:
        """Set an option of XPUB."""
        if option == Option.XPUB_VERBOSE:
            self._verbose, self._verbose_cancels = flag(value), False
        elif option == Option.XPUB_VERBOSER:
            self._verbose = self._verbose_cancels = flag(value)
        elif option == Option.XPUB_NODROP:
            self._lossy = not flag(value)
        elif option == Option.ONLY_FIRST_SUBSCRIBE:
            self._only_first = flag(value)
        elif option == Option.XPUB_MANUAL:
            self._manual = flag(value)
        elif option == Option.XPUB_MANUAL_LAST_VALUE:
            self._manual = self._to_last = flag(value)
        elif option == Option.XPUB_WELCOME_MSG:
            if not isinstance(value, bytes):
                raise failure(EINVAL)
            self._welcome = (value,) if value else None
        else:
            return self._decide(option, value)
        return True

    def _decide(self, option: int, value: int | bytes) -> bool:
        """Give the peer whose wish was read last a topic, or take one from it; False for another option."""
        if not (
            option in (Option.SUBSCRIBE, Option.UNSUBSCRIBE) and self._manual and isinstance(value, bytes)
        ):
            return False
        if self._last_pipe is not None:
            change = self._topics.add if option == Option.SUBSCRIBE else self._topics.remove
            change(value, self._last_pipe)
        return True

    def get(self, option: int) -> int | None:
        """Return TOPICS_COUNT."""
        return len(self._topics) if option == Option.TOPICS_COUNT else None


class Pub(XPub):
    """An XPUB that keeps the subscriptions to itself."""

    __slots__ = ()

    tells = False

    def take(self) -> Message | None:
        """Refuse: a PUB only sends."""
        raise failure(ENOTSUP)

    def readable(self) -> bool:
        """Whether there is something to receive: never."""
        return False


class XSub(Pattern):
    """Receives what it subscribed to; subscriptions are messages that it sends."""

    __slots__ = ("_only_first", "_pipes", "queue", "topics")

    # What is not sent is only subscriptions: nobody lingers for those.
    linger_ms = 0
    filters = False

    def __init__(self, socket: MeshSocket) -> None:
        super().__init__(socket)
        self.queue = FairQueue()
        self._pipes: dict[Pipe, None] = {}
        self.topics = Topics()
        self._only_first = False

    # -- peers ------------------------------------------------------------------------------------------

    def attach(self, pipe: Pipe, routing_id: bytes | None) -> None:  # noqa: ARG002 - nobody is named here
        """Take up a pipe, and tell it every subscription."""
        self.queue.attach(pipe)
        self._pipes[pipe] = None
        self._tell(pipe)

    def _tell(self, pipe: Pipe) -> None:
        for topic in self.topics.walk():
            message = (b"\1" + topic,)
            pipe.offer(message, wire_bytes(message))

    def hiccuped(self, pipe: Pipe) -> None:
        """Tell every subscription again: the peer behind the pipe will be a new one."""
        self._tell(pipe)

    def detach(self, pipe: Pipe) -> None:
        """Forget a peer."""
        self.queue.detach(pipe)
        self._pipes.pop(pipe, None)

    def read_activated(self, pipe: Pipe) -> None:
        """Count on a pipe again."""
        self.queue.activated(pipe)

    def write_activated(self, pipe: Pipe) -> None:
        """Do nothing: what goes upstream is dropped where there is no room."""

    # -- messages ---------------------------------------------------------------------------------------

    def reserve(self, first: bytes, *, more: bool) -> bool:  # noqa: ARG002 - everything goes to everybody
        """Make way: upstream nobody waits."""
        return True

    def commit(self, message: Message) -> None:
        """Send a subscription, or anything else, to every peer."""
        if len(message) == 1 or self._only_first:
            if not self._passes(message[0]):
                return
        else:
            message = tuple([frame for frame in message if self._passes(frame)])
            if not message:
                return
        self._send_up(message)

    def _send_up(self, message: Message) -> None:
        size_bytes = wire_bytes(message)
        for pipe in list(self._pipes):
            pipe.offer(message, size_bytes)

    def _passes(self, frame: bytes) -> bool:
        """Note a wish; False for the cancellation of what is still wanted, or never was."""
        if not is_wish(frame):
            return True
        if frame[0] == CANCEL:
            return self.topics.remove(frame[1:])
        self.topics.add(frame[1:])
        return True

    def take(self) -> Message | None:
        """Take the next message."""
        return self.queue.take()

    def readable(self) -> bool:
        """Whether a peer has sent something."""
        return self.queue.ready()

    def writable(self) -> bool:
        """Whether a subscription can be sent: always."""
        return True

    def set(self, option: int, value: int | bytes) -> bool:
        """Set ONLY_FIRST_SUBSCRIBE."""
        if option != Option.ONLY_FIRST_SUBSCRIBE:
            return False
        self._only_first = flag(value)
        return True

    def get(self, option: int) -> int | None:
        """Return TOPICS_COUNT."""
        return len(self.topics) if option == Option.TOPICS_COUNT else None


def is_wish(frame: bytes) -> bool:
    """Whether a frame subscribes to a topic, or cancels one."""
    return bool(frame) and frame[0] in (CANCEL, SUBSCRIBE)


class Sub(XSub):
    """An XSUB whose subscriptions are options, and which looks at what comes once more."""

    __slots__ = ("_inverted", "_next")

    def __init__(self, socket: MeshSocket) -> None:
        super().__init__(socket)
        self._next: Message | None = None
        self._inverted = False

    def reserve(self, first: bytes, *, more: bool) -> bool:  # noqa: ARG002 - not at all
        """Refuse: a SUB only receives."""
        raise failure(ENOTSUP)

    def take(self) -> Message | None:
        """Take the next message that is subscribed to."""
        message = self._next
        if message is not None:
            self._next = None
            return message
        while True:
            message = self.queue.take()
            if message is None or self.topics.match(message[0]) is not self._inverted:
                return message

    def readable(self) -> bool:
        """Whether there is a message that is subscribed to."""
        if self._next is None:
            self._next = self.take()
        return self._next is not None

    def writable(self) -> bool:
        """Whether something can be sent: never."""
        return False

    def set(self, option: int, value: int | bytes) -> bool:
        """Subscribe or unsubscribe."""
        if option == Option.SUBSCRIBE and isinstance(value, bytes):
            self.commit((b"\1" + value,))
        elif option == Option.UNSUBSCRIBE and isinstance(value, bytes):
            if value[:1] == b"\1":
                # libzmq 4.3.5 takes this for a subscription to the rest, and tells its peers of the cancellation.
                self.topics.add(value[1:])
                self._send_up((b"\0" + value,))
            else:
                self.commit((b"\0" + value,))
        else:
            if option == Option.INVERT_MATCHING:
                # Kept here as well: it is asked for with every message.
                self._inverted = bool(value)
            return False
        return True
