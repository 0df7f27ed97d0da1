"""What of ZeroMQ is here: the table from which the documents are made.

Each row is (what, how far). What is not in it raises `UnsupportedOperation` by name; a test compares the socket
types and options with those that pyzmq knows, so that nothing is missing in silence.
"""

from __future__ import annotations

from typing import Final

from meshsim.transports.zeromq.numbers import Option, SocketType
from meshsim.transports.zeromq.patterns import PATTERNS

__all__ = ["DIFFERENCES", "SUPPORTED", "UNSUPPORTED", "socket_types"]


def socket_types() -> tuple[str, ...]:
    """Return the names of the socket types that are simulated."""
    return tuple(SocketType(number).name for number in PATTERNS)


SUPPORTED: Final = {
    "Context": "options, instance(), shadows, term() and destroy(); shared by threads; one instance a process",
    "Socket": "every method of pyzmq's, subclasses too; send_json, send_pyobj, send_serialized, recv_into",
    "REQ, REP": "turns, REQ_RELAXED, REQ_CORRELATE, envelopes",
    "DEALER, ROUTER": "identities, ROUTER_MANDATORY, ROUTER_HANDOVER, PROBE_ROUTER, CONNECT_ROUTING_ID",
    "PUB, SUB, XPUB, XSUB": "prefixes, forwarding, every option of XPUB's, INVERT_MATCHING, TOPICS_COUNT",
    "PUSH, PULL, PAIR": "fair queuing and round robin in libzmq's order, CONFLATE",
    "Frame, MessageTracker": "bytes, more, get(); all is copied, so trackers are done at once",
    "queues": "SNDHWM and RCVHWM with libzmq's low marks, SNDBUF and RCVBUF, LINGER, IMMEDIATE",
    "time": "RCVTIMEO, SNDTIMEO, RECONNECT_IVL(_MAX), CONNECT_TIMEOUT, HANDSHAKE_IVL, HEARTBEAT_*",
    "tcp, ipc, inproc": "wildcards, bind_to_random_port, connect before bind, unbind, disconnect",
    "Poller, zmq_poll, select": "ZeroMQ sockets and simulated descriptors; a poll of 0 costs the least time there is",
    "zmq.asyncio": "pyzmq's own, over a simulated descriptor",
    "zmq.green": "the names, with gevent or without: in a world every call yields",
    "monitors": "every event of libzmq 4.3.5 but those of security",
    "proxy, proxy_steerable, zmq.devices": "with capture and control; threads are tasks",
}

UNSUPPORTED: Final = {
    "CLIENT, SERVER, RADIO, DISH, GATHER, SCATTER, DGRAM, PEER, CHANNEL": "drafts, which libzmq's wheels lack as well",
    "STREAM": "raw TCP is the tcp room's",
    "CURVE, PLAIN, GSSAPI, ZAP": "nobody listens in a world",
    "ROUTER_RAW, RECONNECT_STOP, IPC_FILTER_PID, IPC_FILTER_UID, IPC_FILTER_GID": "UnsupportedOperation",
    "udp, pgm, epgm, norm, tipc, vmci, ws, wss": "refused by bind() and connect() with libzmq's own number",
    "Poller with a descriptor of the operating system": "nothing of the world can wait for it",
    "zmq.backend.Context, zmq.backend.Socket": "FenceError: they start libzmq's threads",
}

DIFFERENCES: Final = {
    "connect() to a name that nothing has": "FenceError at the call; libzmq looks it up for ever",
    "a peer that crashes": "found out by sending or by heartbeats; when its host is up again a listener answers with a "
    "reset, as TCP's keep-alive would some minutes later",
    "the order of subscribers": "that in which they asked; libzmq goes by its own lists",
    "CONFLATE": "keeps the last message at once; libzmq may deliver an older one that was read already",
    "descriptors in monitors": "are numbers that stand for nothing",
    "copy=False": "copies: a buffer that is changed after send() is not seen by the peer",
}

# Options that are accepted and given back, and change nothing in a simulation.
WITHOUT_EFFECT: Final = frozenset(
    {
        Option.AFFINITY,
        Option.RATE,
        Option.RECOVERY_IVL,
        Option.BACKLOG,
        Option.MULTICAST_HOPS,
        Option.MULTICAST_MAXTPDU,
        Option.IPV6,
        Option.TCP_KEEPALIVE,
        Option.TCP_KEEPALIVE_CNT,
        Option.TCP_KEEPALIVE_IDLE,
        Option.TCP_KEEPALIVE_INTVL,
        Option.TCP_MAXRT,
        Option.TOS,
        Option.SOCKS_PROXY,
        Option.SOCKS_USERNAME,
        Option.SOCKS_PASSWORD,
        Option.MULTICAST_LOOP,
        Option.LOOPBACK_FASTPATH,
        Option.BINDTODEVICE,
        Option.ZAP_DOMAIN,
    }
)
