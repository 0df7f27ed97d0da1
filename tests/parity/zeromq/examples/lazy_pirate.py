"""Lazy pirate: a client that gives a server up after a while, opens a new socket and asks again.

Roles: `server`, which falls silent once; `client`. Both read SERVER, the server's address.
"""

from __future__ import annotations

import os
import sys
import time

import zmq

TIMEOUT_MS = 300
RETRIES = 3


def server() -> None:
    """Answer, but swallow the third request as a server that hangs does."""
    context = zmq.Context()
    socket = context.socket(zmq.REP)
    socket.bind("tcp://*:" + os.environ["SERVER"].rpartition(":")[2])
    seen = 0
    while True:
        request = socket.recv()
        seen += 1
        if seen == 3:
            # A hung server comes back as a new one: its old socket is gone, and so is the request.
            socket.close(linger=0)
            time.sleep(0.5)
            socket = context.socket(zmq.REP)
            socket.bind("tcp://*:" + os.environ["SERVER"].rpartition(":")[2])
            continue
        socket.send(b"reply to " + request)


def ask(context: zmq.Context[zmq.Socket[bytes]], request: bytes) -> str:
    """Ask until there is a reply, with a new socket each time."""
    for attempt in range(RETRIES):
        with context.socket(zmq.REQ) as socket:
            socket.linger = 0
            socket.connect(os.environ["SERVER"])
            socket.send(request)
            if socket.poll(TIMEOUT_MS * (attempt + 1) * 2):
                return socket.recv().decode()
        print(f"no reply to {request.decode()}, asking again")
    return "the server seems to be gone"


def client() -> None:
    """Ask five times."""
    with zmq.Context() as context:
        for number in range(5):
            print(ask(context, b"request %d" % number))


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]]()
