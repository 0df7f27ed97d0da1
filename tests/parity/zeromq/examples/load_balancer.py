"""Load-balancing broker: workers say when they are ready, and the one that waits longest gets the next task.

Roles: `broker`, `worker`, `client`. They read FRONT and BACK, the broker's two addresses.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque

import zmq

Context = zmq.Context[zmq.Socket[bytes]]


def bind(socket: zmq.Socket[bytes], name: str) -> None:
    """Bind what an environment variable says, on every interface."""
    socket.bind("tcp://*:" + os.environ[name].rpartition(":")[2])


def broker() -> None:
    """Route requests to idle workers and replies back to clients."""
    context = zmq.Context()
    front, back = context.socket(zmq.ROUTER), context.socket(zmq.ROUTER)
    bind(front, "FRONT")
    bind(back, "BACK")
    idle: deque[bytes] = deque()
    poller = zmq.Poller()
    poller.register(back, zmq.POLLIN)
    while True:
        events = dict(poller.poll())
        if back in events:
            worker, _, *rest = back.recv_multipart()
            if not idle:
                poller.register(front, zmq.POLLIN)
            idle.append(worker)
            if rest[0] != b"READY":
                front.send_multipart(rest)
        if front in events and idle:
            request = front.recv_multipart()
            back.send_multipart([idle.popleft(), b"", *request])
            if not idle:
                poller.unregister(front)


def worker() -> None:
    """Say that we are ready, and work."""
    socket = zmq.Context().socket(zmq.REQ)
    socket.connect(os.environ["BACK"])
    socket.send(b"READY")
    while True:
        address, empty, request = socket.recv_multipart()
        socket.send_multipart([address, empty, request.upper()])


def client() -> None:
    """Ask from four threads at once, and print what came, sorted."""
    context = zmq.Context()
    replies: list[str] = []

    def one(name: int) -> None:
        with context.socket(zmq.REQ) as socket:
            socket.connect(os.environ["FRONT"])
            for turn in range(5):
                socket.send(b"task %d of client %d" % (turn, name))
                replies.append(socket.recv().decode())

    threads = [threading.Thread(target=one, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    context.term()
    print("\n".join(sorted(replies)))


if __name__ == "__main__":
    {"broker": broker, "worker": worker, "client": client}[sys.argv[1]]()
