"""Paranoid pirate: queue and workers watch each other's heartbeats, so that work goes only to the living.

Roles: `queue`, `worker`, which dies silently once and comes back, and `client`, a lazy pirate. They read FRONT and
BACK, the queue's two addresses.
"""

from __future__ import annotations

import os
import sys
import time

import zmq

READY, HEARTBEAT = b"\x01", b"\x02"
INTERVAL_S = 0.1
LIVENESS = 3

Context = zmq.Context[zmq.Socket[bytes]]


def bind(socket: zmq.Socket[bytes], name: str) -> None:
    """Bind what an environment variable says, on every interface."""
    socket.bind("tcp://*:" + os.environ[name].rpartition(":")[2])


def queue() -> None:
    """Give each request to the worker that has waited longest, and forget workers that fall silent."""
    context = zmq.Context()
    front, back = context.socket(zmq.ROUTER), context.socket(zmq.ROUTER)
    bind(front, "FRONT")
    bind(back, "BACK")
    expiry: dict[bytes, float] = {}
    beat_at = time.monotonic() + INTERVAL_S
    poller = zmq.Poller()
    poller.register(front, zmq.POLLIN)
    poller.register(back, zmq.POLLIN)
    only_workers = zmq.Poller()
    only_workers.register(back, zmq.POLLIN)
    while True:
        events = dict((poller if expiry else only_workers).poll(int(INTERVAL_S * 1000)))
        if back in events:
            worker, *frames = back.recv_multipart()
            expiry.pop(worker, None)
            expiry[worker] = time.monotonic() + INTERVAL_S * LIVENESS
            if len(frames) > 1:
                front.send_multipart(frames)
        if front in events:
            request = front.recv_multipart()
            worker = next(iter(expiry))
            del expiry[worker]
            back.send_multipart([worker, *request])
        if time.monotonic() >= beat_at:
            for worker in expiry:
                back.send_multipart([worker, HEARTBEAT])
            beat_at = time.monotonic() + INTERVAL_S
        for worker, until in list(expiry.items()):
            if time.monotonic() > until:
                del expiry[worker]


def serve(context: Context, *, dies_after: int | None) -> bool:
    """Work until the queue falls silent, or until we die; True for that."""
    with context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.connect(os.environ["BACK"])
        socket.send(READY)
        liveness, done = LIVENESS, 0
        beat_at = time.monotonic() + INTERVAL_S
        while liveness:
            if socket.poll(int(INTERVAL_S * 1000)):
                frames = socket.recv_multipart()
                liveness = LIVENESS
                if len(frames) == 3:
                    done += 1
                    if dies_after is not None and done > dies_after:
                        return True
                    socket.send_multipart([frames[0], b"", b"done: " + frames[2]])
            else:
                liveness -= 1
            if time.monotonic() >= beat_at:
                socket.send(HEARTBEAT)
                beat_at = time.monotonic() + INTERVAL_S
    return False


def worker() -> None:
    """Die with the third request in hand, be dead for a while, then live on."""
    context = zmq.Context()
    while not serve(context, dies_after=2):
        pass
    time.sleep(1)
    while True:
        serve(context, dies_after=None)


def client() -> None:
    """Ask six times, again where no reply comes."""
    with zmq.Context() as context:
        for number in range(6):
            reply = None
            while reply is None:
                with context.socket(zmq.REQ) as socket:
                    socket.linger = 0
                    socket.connect(os.environ["FRONT"])
                    socket.send(b"job %d" % number)
                    if socket.poll(2500):
                        reply = socket.recv()
                    else:
                        print(f"job {number}: no reply, asking again")
            print(reply.decode())


if __name__ == "__main__":
    {"queue": queue, "worker": worker, "client": client}[sys.argv[1]]()
