"""Clone: many clients share one map. A client takes a snapshot, then every update that is newer.

Roles: `server`, `writer`, which changes the map through the server, and `client`. They read SNAPSHOT, UPDATES and
COLLECTOR, the server's three addresses.
"""

from __future__ import annotations

import os
import sys
import time

import zmq

LAST = b"last"


def bind(socket: zmq.Socket[bytes], name: str) -> None:
    """Bind what an environment variable says, on every interface."""
    socket.bind("tcp://*:" + os.environ[name].rpartition(":")[2])


def server() -> None:
    """Number each change, publish it, and answer those who want the whole map."""
    context = zmq.Context()
    snapshot, updates, collector = (
        context.socket(zmq.ROUTER),
        context.socket(zmq.PUB),
        context.socket(zmq.PULL),
    )
    bind(snapshot, "SNAPSHOT")
    bind(updates, "UPDATES")
    bind(collector, "COLLECTOR")
    values: dict[bytes, tuple[int, bytes]] = {}
    sequence = 0
    poller = zmq.Poller()
    poller.register(snapshot, zmq.POLLIN)
    poller.register(collector, zmq.POLLIN)
    while True:
        events = dict(poller.poll(1000))
        if collector in events:
            key, value = collector.recv_multipart()
            sequence += 1
            values[key] = (sequence, value)
            updates.send_multipart([key, b"%d" % sequence, value])
        if snapshot in events:
            who, command = snapshot.recv_multipart()
            if command == b"ICANHAZ?":
                for key, (number, value) in values.items():
                    snapshot.send_multipart([who, key, b"%d" % number, value])
                snapshot.send_multipart([who, b"KTHXBAI", b"%d" % sequence, b""])


def writer() -> None:
    """Change the map, a hundred times and once more."""
    with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.connect(os.environ["COLLECTOR"])
        for number in range(100):
            socket.send_multipart([b"key%d" % (number % 10), b"value %d" % number])
            time.sleep(0.01)
        socket.send_multipart([LAST, b"over"])


def client() -> None:
    """Follow the map until the last change, and print it."""
    with zmq.Context() as context:
        snapshot, updates = context.socket(zmq.DEALER), context.socket(zmq.SUB)
        updates.linger = snapshot.linger = 0
        updates.subscribe("")
        updates.connect(os.environ["UPDATES"])
        snapshot.connect(os.environ["SNAPSHOT"])
        # Joining late is the point, and the subscription has to be there before the snapshot is taken.
        time.sleep(0.4)
        snapshot.send(b"ICANHAZ?")
        values: dict[bytes, bytes] = {}
        while True:
            key, number, value = snapshot.recv_multipart()
            sequence = int(number)
            if key == b"KTHXBAI":
                break
            values[key] = value
        while LAST not in values:
            key, number, value = updates.recv_multipart()
            if int(number) > sequence:
                if int(number) != sequence + 1:
                    print("a change was missed")
                sequence = int(number)
                values[key] = value
        for socket in (snapshot, updates):
            socket.close()
        print(sequence)
        for key in sorted(values):
            print(key.decode(), values[key].decode())


if __name__ == "__main__":
    {"server": server, "writer": writer, "client": client}[sys.argv[1]]()
