"""Socket options: their defaults, what libzmq accepts for them, and the few that are read all the time.

Options without an effect in a simulation (buffers of PGM, keep-alives, type of service) are kept and given back.
"""

from __future__ import annotations

from typing import Final

from meshsim.errors import UnsupportedOperation
from meshsim.transports.zeromq.errors import EINVAL, failure
from meshsim.transports.zeromq.numbers import Option

__all__ = ["Options", "unsupported"]

INT_MAX: Final = 2**31 - 1
MAX_NAME_BYTES: Final = 255

# Default, least and most of each.
_INTEGERS: Final = {
    Option.AFFINITY: (0, -(2**63), 2**64 - 1),
    Option.RATE: (100, 1, INT_MAX),
    Option.RECOVERY_IVL: (10_000, 0, INT_MAX),
    Option.SNDBUF: (-1, -1, INT_MAX),
    Option.RCVBUF: (-1, -1, INT_MAX),
    Option.LINGER: (-1, -1, INT_MAX),
    Option.RECONNECT_IVL: (100, -1, INT_MAX),
    Option.RECONNECT_IVL_MAX: (0, 0, INT_MAX),
    Option.BACKLOG: (100, 0, INT_MAX),
    Option.MAXMSGSIZE: (-1, -(2**63), 2**63 - 1),
    Option.SNDHWM: (1000, 0, INT_MAX),
    Option.RCVHWM: (1000, 0, INT_MAX),
    Option.MULTICAST_HOPS: (1, 1, INT_MAX),
    Option.RCVTIMEO: (-1, -1, INT_MAX),
    Option.SNDTIMEO: (-1, -1, INT_MAX),
    Option.IPV4ONLY: (1, 0, 1),
    Option.IPV6: (0, 0, 1),
    Option.TCP_KEEPALIVE: (-1, -1, 1),
    Option.TCP_KEEPALIVE_CNT: (-1, -1, INT_MAX),
    Option.TCP_KEEPALIVE_IDLE: (-1, -1, INT_MAX),
    Option.TCP_KEEPALIVE_INTVL: (-1, -1, INT_MAX),
    Option.IMMEDIATE: (0, 0, 1),
    Option.CONFLATE: (0, 0, 1),
    Option.TOS: (0, 0, INT_MAX),
    Option.HANDSHAKE_IVL: (30_000, 0, INT_MAX),
    Option.INVERT_MATCHING: (0, -INT_MAX - 1, INT_MAX),
    Option.HEARTBEAT_IVL: (0, 0, INT_MAX),
    # In steps of 100 ms, rounded towards 0 before it is looked at.
    Option.HEARTBEAT_TTL: (0, -99, 6_553_599),
    Option.MULTICAST_LOOP: (1, -INT_MAX - 1, INT_MAX),
    Option.LOOPBACK_FASTPATH: (0, -INT_MAX - 1, INT_MAX),
    Option.HEARTBEAT_TIMEOUT: (-1, 0, INT_MAX),
    Option.CONNECT_TIMEOUT: (0, 0, INT_MAX),
    Option.TCP_MAXRT: (0, 0, INT_MAX),
    Option.MULTICAST_MAXTPDU: (1500, 1, INT_MAX),
}
_TEXTS: Final = {
    Option.SOCKS_PROXY: b"",
    Option.SOCKS_USERNAME: b"",
    Option.SOCKS_PASSWORD: b"",
    Option.BINDTODEVICE: b"",
    Option.ZAP_DOMAIN: b"",
    Option.PLAIN_USERNAME: b"",
    Option.PLAIN_PASSWORD: b"",
}
# On or off, whatever the number.
_SWITCHES: Final = frozenset({Option.INVERT_MATCHING, Option.MULTICAST_LOOP, Option.LOOPBACK_FASTPATH})
_NEVER_EMPTY: Final = frozenset({Option.BINDTODEVICE, Option.SOCKS_PROXY})
# Read only, and always the same.
_FIXED: Final = {
    Option.MECHANISM: 0,
    Option.THREAD_SAFE: 0,
    Option.USE_FD: -1,
    Option.PLAIN_SERVER: 0,
    Option.CURVE_SERVER: 0,
    Option.ZAP_ENFORCE_DOMAIN: 0,
    Option.RECONNECT_STOP: 0,
}
# What libzmq has and this room has not: 0 changes nothing, anything else would be ignored in silence.
_REFUSED: Final = frozenset({Option.RECONNECT_STOP})
# As above, where even 0 means something: only the process 0 may connect.
_FILTERS: Final = frozenset({Option.IPC_FILTER_PID, Option.IPC_FILTER_UID, Option.IPC_FILTER_GID})
_SECURITY: Final = frozenset(
    {
        Option.PLAIN_SERVER,
        Option.PLAIN_USERNAME,
        Option.PLAIN_PASSWORD,
        Option.CURVE_SERVER,
        Option.CURVE_PUBLICKEY,
        Option.CURVE_SECRETKEY,
        Option.CURVE_SERVERKEY,
        Option.GSSAPI_SERVER,
        Option.GSSAPI_PRINCIPAL,
        Option.GSSAPI_SERVICE_PRINCIPAL,
    }
)
_DEFAULTS: Final[dict[int, int | bytes]] = {
    **{int(key): value[0] for key, value in _INTEGERS.items()},
    **{int(k): v for k, v in _TEXTS.items()},
}


class Options:
    """The options of one socket."""

    def __init__(self) -> None:
        self._values: dict[int, int | bytes] = dict(_DEFAULTS)
        self.routing_id = b""
        self.receive_timeout_ms = self.send_timeout_ms = self.linger_ms = -1
        self.max_message_bytes = -1

    def set(self, option: int, value: int | bytes) -> None:
        """Set an option.

        Raises:
            ZMQError: EINVAL, there is none of that number, or it does not take that value.
            UnsupportedOperation: it would switch security on, or what the room lacks.
        """
        if option == Option.ROUTING_ID:
            if not isinstance(value, bytes) or not 0 < len(value) <= MAX_NAME_BYTES:
                raise failure(EINVAL)
            self.routing_id = value
            return
        if option in _SECURITY or option in _FILTERS or (option in _REFUSED and value):
            raise unsupported(option)
        if option not in _REFUSED:
            self._keep(option, value)

    def _keep(self, option: int, value: int | bytes) -> None:
        bounds = _INTEGERS.get(option)  # type: ignore[call-overload]  # an int finds its enum member
        if bounds is not None:
            if not isinstance(value, int) or not bounds[1] <= value <= bounds[2]:
                raise failure(EINVAL)
        elif option not in _TEXTS or (option in _NEVER_EMPTY and not value):
            raise failure(EINVAL)
        if option in _SWITCHES:
            value = int(bool(value))
        elif option == Option.HEARTBEAT_TTL and isinstance(value, int):
            value = max(value, 0) // 100 * 100
        self._values[option] = value
        if isinstance(value, int):
            self._remember(option, value)

    def _remember(self, option: int, value: int) -> None:
        if option == Option.RCVTIMEO:
            self.receive_timeout_ms = value
        elif option == Option.SNDTIMEO:
            self.send_timeout_ms = value
        elif option == Option.LINGER:
            self.linger_ms = value
        elif option == Option.MAXMSGSIZE:
            self.max_message_bytes = value
        elif option == Option.IPV4ONLY:
            self._values[Option.IPV6] = 1 - value
        elif option == Option.IPV6:
            self._values[Option.IPV4ONLY] = 1 - value

    def get(self, option: int) -> int | bytes:
        """Return an option.

        Raises:
            ZMQError: EINVAL, there is none of that number, or it can only be set.
        """
        if option == Option.ROUTING_ID:
            return self.routing_id
        value = self._values.get(option)
        if value is None:
            value = _FIXED.get(option)  # type: ignore[call-overload]  # as above
        if value is None:
            raise failure(EINVAL)
        return value

    def _number(self, option: int) -> int:
        value = self._values[option]
        return value if isinstance(value, int) else 0

    @property
    def high_out(self) -> int:
        """SNDHWM."""
        return self._number(Option.SNDHWM)

    @property
    def high_in(self) -> int:
        """RCVHWM."""
        return self._number(Option.RCVHWM)

    @property
    def immediate(self) -> bool:
        """IMMEDIATE: no pipe without a connection."""
        return bool(self._number(Option.IMMEDIATE))

    @property
    def conflate(self) -> bool:
        """CONFLATE: keep the last message only."""
        return bool(self._number(Option.CONFLATE))

    @property
    def invert_matching(self) -> bool:
        """INVERT_MATCHING: send what was not subscribed."""
        return bool(self._number(Option.INVERT_MATCHING))

    @property
    def reconnect_ms(self) -> int:
        """RECONNECT_IVL."""
        return self._number(Option.RECONNECT_IVL)

    @property
    def reconnect_max_ms(self) -> int:
        """RECONNECT_IVL_MAX."""
        return self._number(Option.RECONNECT_IVL_MAX)

    @property
    def connect_timeout_ms(self) -> int:
        """CONNECT_TIMEOUT."""
        return self._number(Option.CONNECT_TIMEOUT)

    @property
    def handshake_ms(self) -> int:
        """HANDSHAKE_IVL."""
        return self._number(Option.HANDSHAKE_IVL)

    @property
    def heartbeat_ms(self) -> int:
        """HEARTBEAT_IVL."""
        return self._number(Option.HEARTBEAT_IVL)

    @property
    def heartbeat_ttl_ms(self) -> int:
        """HEARTBEAT_TTL, in libzmq's steps of 100 ms."""
        return self._number(Option.HEARTBEAT_TTL)

    @property
    def heartbeat_timeout_ms(self) -> int:
        """HEARTBEAT_TIMEOUT; the interval where it is not set."""
        value = self._number(Option.HEARTBEAT_TIMEOUT)
        return self.heartbeat_ms if value == -1 else value

    def buffer_bytes(self, default_bytes: int) -> int:
        """Return what the buffers on the way hold: SNDBUF here and as much there, doubled as Linux does."""
        send, receive = self._number(Option.SNDBUF), self._number(Option.RCVBUF)
        return (2 * send if send > 0 else default_bytes) + (2 * receive if receive > 0 else default_bytes)


def unsupported(option: int) -> UnsupportedOperation:
    """Return the error for an option that libzmq has and this room has not."""
    return UnsupportedOperation(
        f"zmq: {Option(option).name} is not simulated; it is not in the table of "
        "meshsim.transports.zeromq.supported. Leave it out inside a world"
    )
