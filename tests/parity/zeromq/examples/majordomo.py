"""Majordomo: a broker of named services; clients ask for a service, workers offer one, everybody beats.

Roles: `broker`, `worker` (service echo), `counter` (service count), `client`. All read BROKER, its address.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from typing import TYPE_CHECKING

import zmq

if TYPE_CHECKING:
    from collections.abc import Callable

CLIENT, WORKER = b"MDPC01", b"MDPW01"
READY, REQUEST, REPLY, HEARTBEAT, DISCONNECT = (bytes((number,)) for number in range(1, 6))
INTERVAL_S = 0.2
LIVENESS = 3


class Broker:
    """Services by name: the requests that wait, and the workers that do."""

    def __init__(self) -> None:
        self.socket = zmq.Context().socket(zmq.ROUTER)
        self.socket.bind("tcp://*:" + os.environ["BROKER"].rpartition(":")[2])
        self.requests: dict[bytes, deque[tuple[bytes, list[bytes]]]] = {}
        self.waiting: dict[bytes, deque[bytes]] = {}
        self.services: dict[bytes, bytes] = {}
        self.expiry: dict[bytes, float] = {}

    def run(self) -> None:
        """Handle what comes, and beat."""
        beat_at = time.monotonic() + INTERVAL_S
        while True:
            if self.socket.poll(int(INTERVAL_S * 1000)):
                sender, _, header, *rest = self.socket.recv_multipart()
                if header == CLIENT:
                    self.from_client(sender, rest[0], rest[1:])
                elif header == WORKER:
                    self.from_worker(sender, rest[0], rest[1:])
            if time.monotonic() >= beat_at:
                self.forget_the_dead()
                for worker in self.services:
                    self.tell(worker, HEARTBEAT)
                beat_at = time.monotonic() + INTERVAL_S

    def tell(self, worker: bytes, command: bytes, *frames: bytes) -> None:
        """Send a command to a worker."""
        self.socket.send_multipart([worker, b"", WORKER, command, *frames])

    def from_client(self, client: bytes, service: bytes, body: list[bytes]) -> None:
        """Queue a request; services named mmi are the broker's own."""
        if service == b"mmi.service":
            known = b"200" if body[0] in self.services.values() else b"404"
            self.socket.send_multipart([client, b"", CLIENT, service, known])
            return
        self.requests.setdefault(service, deque()).append((client, body))
        self.dispatch(service)

    def from_worker(self, worker: bytes, command: bytes, frames: list[bytes]) -> None:
        """Take a worker in, pass its reply on, or note that it lives."""
        self.expiry[worker] = time.monotonic() + INTERVAL_S * LIVENESS
        if command == READY:
            self.services[worker] = frames[0]
            self.idle(worker)
        elif worker not in self.services:
            self.tell(worker, DISCONNECT)
        elif command == REPLY:
            client, _, *body = frames
            self.socket.send_multipart([client, b"", CLIENT, self.services[worker], *body])
            self.idle(worker)
        elif command == DISCONNECT:
            self.forget(worker)

    def idle(self, worker: bytes) -> None:
        """Let a worker wait for the next request."""
        service = self.services[worker]
        self.waiting.setdefault(service, deque()).append(worker)
        self.dispatch(service)

    def dispatch(self, service: bytes) -> None:
        """Give requests to workers while there are both."""
        self.forget_the_dead()
        waiting, requests = self.waiting.get(service), self.requests.get(service)
        while waiting and requests:
            client, body = requests.popleft()
            self.tell(waiting.popleft(), REQUEST, client, b"", *body)

    def forget_the_dead(self) -> None:
        """Forget workers that have been silent for too long."""
        for worker, until in list(self.expiry.items()):
            if time.monotonic() > until:
                self.forget(worker)

    def forget(self, worker: bytes) -> None:
        """Forget a worker."""
        self.expiry.pop(worker, None)
        service = self.services.pop(worker, b"")
        if worker in self.waiting.get(service, ()):
            self.waiting[service].remove(worker)


def broker() -> None:
    """Run the broker."""
    Broker().run()


def work(service: bytes, handle: Callable[[list[bytes]], list[bytes]]) -> None:
    """Offer a service; begin anew whenever the broker falls silent."""
    context = zmq.Context()
    while True:
        with context.socket(zmq.DEALER) as socket:
            socket.linger = 0
            socket.connect(os.environ["BROKER"])
            socket.send_multipart([b"", WORKER, READY, service])
            liveness = LIVENESS
            while liveness:
                if socket.poll(int(INTERVAL_S * 1000)):
                    liveness = LIVENESS
                    _, _, command, *frames = socket.recv_multipart()
                    if command == REQUEST:
                        client, _, *body = frames
                        socket.send_multipart([b"", WORKER, REPLY, client, b"", *handle(body)])
                    elif command == DISCONNECT:
                        break
                else:
                    liveness -= 1
                socket.send_multipart([b"", WORKER, HEARTBEAT])


def worker() -> None:
    """Echo."""
    work(b"echo", lambda body: body)


def counter() -> None:
    """Count the bytes of a request."""
    work(b"count", lambda body: [b"%d" % len(b"".join(body))])


def ask(socket: zmq.Socket[bytes], service: bytes, *body: bytes) -> list[bytes]:
    """Ask a service and return its reply."""
    socket.send_multipart([CLIENT, service, *body])
    header, answered, *reply = socket.recv_multipart()
    if (header, answered) != (CLIENT, service):
        print("a reply that is none")
    return reply


def client() -> None:
    """Look services up, and use them."""
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.connect(os.environ["BROKER"])
        for service in (b"echo", b"count"):
            while ask(socket, b"mmi.service", service) != [b"200"]:
                time.sleep(0.05)
        print(ask(socket, b"mmi.service", b"nothing"))
        for number in range(4):
            print(ask(socket, b"echo", b"hello %d" % number, b"world"))
            print(ask(socket, b"count", b"x" * number))


if __name__ == "__main__":
    {"broker": broker, "worker": worker, "counter": counter, "client": client}[sys.argv[1]]()
