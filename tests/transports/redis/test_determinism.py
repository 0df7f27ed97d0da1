"""The same seed gives the same replies, whatever the process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TRANSCRIPT = """
from tests.transports.redis.small_server import Client, server
redis = server(seed=7)
client, listeners = Client(redis), [Client(redis) for _ in range(5)]
for listener in listeners:
    listener.ask("SUBSCRIBE", "c")
order = []
for number, listener in enumerate(listeners):
    listener.session._on_reply = lambda data, number=number: order.append(number)
client.ask("SADD", "s", *(f"member-{n}" for n in range(40)))
client.ask("SADD", "t", *(f"member-{n}" for n in range(20, 60)))
client.ask("HSET", "h", *(part for n in range(20) for part in (f"f{n}", n)))
client.ask("ZADD", "z", *(part for n in range(20) for part in (n % 3, f"m{n}")))
for words in (("SMEMBERS", "s"), ("SUNION", "s", "t"), ("SPOP", "s", 5), ("SRANDMEMBER", "s", -4), ("RANDOMKEY",),
              ("HRANDFIELD", "h", 3), ("ZRANDMEMBER", "z", 3), ("KEYS", "*"), ("SCAN", 0), ("SSCAN", "s", 0),
              ("HGETALL", "h"), ("ACL", "CAT"), ("PUBLISH", "c", "x"), ("INFO", "server"), ("CLIENT", "LIST"),
              ("EVAL", "local t = {} for k in pairs({a=1,b=2,c=3}) do t[#t+1] = k end return t", 0)):
    print(client.ask(*words))
print(order)
"""


def run(hash_seed: str) -> str:
    """Return the transcript of a fresh process with this hash seed."""
    environment = {
        **os.environ,
        "PYTHONHASHSEED": hash_seed,
        "PYTHONPATH": os.pathsep.join([*sys.path, str(Path.cwd())]),
    }
    done = subprocess.run(
        [sys.executable, "-c", TRANSCRIPT],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def test_replies_do_not_depend_on_the_hash_seed() -> None:
    """Sets, subscribers, scans and random picks are the same in processes that hash strings differently."""
    first = run("1")
    assert first == run("2")
    assert first.count("\n") == 17
