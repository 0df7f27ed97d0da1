"""Pipes and queues between processes."""

from __future__ import annotations

from multiprocessing.connection import wait
from typing import Any

from tests.parity.multiprocessing.errors import error_of

SHORT_S = 0.05


def _echo(conn: Any) -> None:
    while True:
        try:
            message = conn.recv()
        except EOFError:
            return
        if message == "stop":
            conn.close()
            return
        conn.send(message)


def pipes(ctx: Any) -> Any:
    """Connections carry objects and bytes, know their end, and refuse what their direction does not allow."""
    ours, theirs = ctx.Pipe()
    child = ctx.Process(target=_echo, args=(theirs,))
    child.start()
    theirs.close()
    ours.send({"a": [1, (2,)], "b": b"c"})
    found: list[Any] = [ours.recv()]
    big = "x" * 1_000_000
    ours.send(big)
    found.append(ours.recv() == big)
    found.append(ours.poll())
    ours.send("stop")
    found.append(error_of(ours.recv))
    child.join()
    found += [error_of(lambda: ours.send("more")), ours.poll(), child.exitcode]
    ours.close()
    found += [ours.closed, error_of(lambda: ours.send(1)), error_of(lambda: ours.poll())]
    reader, writer = ctx.Pipe(duplex=False)
    writer.send_bytes(b"0123456789", 2, 5)
    writer.send_bytes(b"")
    found += [reader.poll(), reader.recv_bytes(), reader.recv_bytes()]
    writer.send_bytes(b"too long")
    found.append(error_of(lambda: reader.recv_bytes(3)))
    reader, writer = ctx.Pipe(duplex=False)
    writer.send_bytes(b"abcdef")
    buffer = bytearray(8)
    found += [reader.recv_bytes_into(buffer, 2), bytes(buffer), reader.poll(SHORT_S)]
    found += [error_of(lambda: reader.send(1)), error_of(lambda: writer.recv())]
    found += [reader.readable, reader.writable, writer.readable, writer.writable]
    writer.close()
    found += [reader.poll(), error_of(reader.recv), error_of(reader.recv)]
    reader, writer = ctx.Pipe(duplex=False)
    reader.close()
    found.append(error_of(lambda: writer.send(1)))
    one, other = ctx.Pipe()
    one.send("unread")
    other.send("read")
    other.close()
    found += [one.recv(), error_of(one.recv), error_of(one.recv)]
    return found


def _fill(reader_done: Any, writer: Any) -> None:
    for number in range(300):
        writer.send_bytes(bytes([number % 256]) * 1000)
    reader_done.set()


def full_pipe(ctx: Any) -> Any:
    """A pipe holds so much and no more: who writes waits for who reads."""
    reader, writer = ctx.Pipe(duplex=False)
    done = ctx.Event()
    child = ctx.Process(target=_fill, args=(done, writer))
    child.start()
    early = done.wait(SHORT_S)
    total = sum(len(reader.recv_bytes()) for _ in range(300))
    child.join()
    return [early, total, done.is_set()]


def _put(items: Any, number: int) -> None:
    for step in range(3):
        items.put((number, step))


def queues(ctx: Any) -> Any:
    """Queues keep each writer's order, say when they are empty or full, and refuse what is closed."""
    items = ctx.Queue()
    children = [ctx.Process(target=_put, args=(items, number)) for number in range(3)]
    for child in children:
        child.start()
    got = [items.get() for _ in range(9)]
    for child in children:
        child.join()
    found: list[Any] = [sorted(got), [[step for who, step in got if who == number] for number in range(3)]]
    found += [
        items.empty(),
        items.qsize(),
        error_of(items.get_nowait),
        error_of(lambda: items.get(timeout=SHORT_S)),
    ]
    small = ctx.Queue(2)
    small.put(1)
    small.put(2)
    found += [
        small.full(),
        error_of(lambda: small.put(3, timeout=SHORT_S)),
        error_of(lambda: small.put_nowait(3)),
    ]
    found += [small.get(), small.get(), small.full()]
    small.close()
    small.join_thread()
    found += [error_of(lambda: small.put(1)), error_of(lambda: small.get())]
    return [str(item).replace(hex(id(small)), "ID") for item in found]


def _work(jobs: Any, results: Any) -> None:
    while True:
        job = jobs.get()
        if job is None:
            jobs.task_done()
            return
        results.put(job * job)
        jobs.task_done()


def joinable(ctx: Any) -> Any:
    """A JoinableQueue is joined when each of its items was said to be done; a SimpleQueue carries the results."""
    jobs, results = ctx.JoinableQueue(), ctx.SimpleQueue()
    children = [ctx.Process(target=_work, args=(jobs, results)) for _ in range(2)]
    for child in children:
        child.start()
    for number in range(6):
        jobs.put(number)
    jobs.join()
    found: list[Any] = [sorted(results.get() for _ in range(6)), results.empty()]
    for _ in children:
        jobs.put(None)
    for child in children:
        child.join()
    return [*found, error_of(jobs.task_done), [child.exitcode for child in children]]


def _send_number(conn: Any, event: Any, number: int) -> None:
    event.wait()
    conn.send(number)


def waiting(ctx: Any) -> Any:
    """`connection.wait` returns what is ready of connections and sentinels, in the order given."""
    events = [ctx.Event() for _ in range(3)]
    pairs = [ctx.Pipe(duplex=False) for _ in range(3)]
    children = []
    for number, (event, (_, writer)) in enumerate(zip(events, pairs, strict=True)):
        child = ctx.Process(target=_send_number, args=(writer, event, number))
        child.start()
        writer.close()
        children.append(child)
    readers = [reader for reader, _ in pairs]
    found: list[Any] = [wait(readers, 0), wait(readers, SHORT_S)]
    events[1].set()
    found.append([readers.index(ready) for ready in wait(readers)])
    found.append(readers[1].recv())
    children[1].join()
    sentinels = [child.sentinel for child in children]
    found.append([sentinels.index(ready) for ready in wait(sentinels)])
    events[0].set()
    events[2].set()
    for child in children:
        child.join()
    found.append([[*readers, *sentinels].index(ready) for ready in wait([*sentinels, *readers])])
    return found


def _take(conn: Any) -> None:
    inner = conn.recv()
    inner.send("through a passenger")


def passengers(ctx: Any) -> Any:
    """A lock does not travel in a message."""
    reader, writer = ctx.Pipe(duplex=False)
    return [error_of(lambda: writer.send(ctx.Lock())), reader.poll()]
