"""The same shop on a real machine: real processes, a real Redis with replicas and a Sentinel, real time.

    python run_real.py [checkouts a second] [seconds]

One orders server is killed and restarted, Sentinel is told to fail over, then the master is stopped for some
seconds. In the end the invariants are read from Redis. Needs ``redis-server`` on the path.
"""

from __future__ import annotations

import http.server
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import redis
import requests

HERE = Path(__file__).parent
STOCK = {"a-1": 100_000, "scarce": 25}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Mail(http.server.BaseHTTPRequestHandler):
    """A mail provider that refuses every fifth message at first."""

    seen: list[str]
    refused = 0
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take a message."""
        self.rfile.read(int(self.headers["Content-Length"]))
        key = str(self.headers["Idempotency-Key"])
        refuse = len(self.seen) % 5 == 4 and Mail.refused <= len(self.seen) // 5  # noqa: PLR2004
        if refuse:
            Mail.refused += 1
        else:
            self.seen.append(key)
        self.send_response(503 if refuse else 202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


class Machine:
    """Everything the shop runs on, started and stopped."""

    def __init__(self, scratch: Path) -> None:
        """Choose ports."""
        self.scratch = scratch
        self.redis_ports = [free_port() for _ in range(3)]
        self.sentinel_port = free_port()
        self.shop_port, self.inventory_port = free_port(), free_port()
        Mail.seen = []
        self.mail = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mail)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.env = os.environ | {
            "PYTHONPATH": str(HERE),
            "REDIS_SENTINELS": f"127.0.0.1:{self.sentinel_port}",
            "INVENTORY_URL": f"http://127.0.0.1:{self.inventory_port}",
            "MAIL_URL": f"http://127.0.0.1:{self.mail.server_port}",
        }

    def spawn(self, name: str, *command: str) -> None:
        """Start one process, its output in a file of its name."""
        with (self.scratch / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(  # noqa: S603
                command, cwd=self.scratch, env=self.env, stdout=log, stderr=log
            )

    def start(self) -> None:
        """Start Redis, Sentinel and the services, and wait until all answer."""
        threading.Thread(target=self.mail.serve_forever, daemon=True).start()
        master = self.redis_ports[0]
        for number, port in enumerate(self.redis_ports):
            folder = self.scratch / f"redis{number}"
            folder.mkdir()
            follow = [] if port == master else ["--replicaof", "127.0.0.1", str(master)]
            options = ["--port", str(port), "--dir", str(folder), "--repl-diskless-sync-delay", "0"]
            self.spawn(f"redis{number}", "redis-server", *options, "--save", "", *follow)
        self.wait_for(lambda: redis.Redis(port=master).info("replication")["connected_slaves"] == 2)  # noqa: PLR2004
        configuration = self.scratch / "sentinel.conf"
        configuration.write_text(
            f"port {self.sentinel_port}\nsentinel monitor cache 127.0.0.1 {master} 1\n"
            "sentinel down-after-milliseconds cache 1000\nsentinel failover-timeout cache 5000\n"
        )
        self.spawn("sentinel", "redis-server", str(configuration), "--sentinel")
        sentinel = redis.Redis(port=self.sentinel_port, decode_responses=True)
        self.wait_for(lambda: len(sentinel.sentinel_slaves("cache")) == 2)  # noqa: PLR2004
        python = [sys.executable, "-m"]
        self.spawn("inventory", *python, "uvicorn", "inventory.app:app", "--port", str(self.inventory_port))
        self.start_orders("orders0")
        self.start_orders("orders1")
        self.spawn("shop", *python, "flask", "--app", "storefront.app", "run", "--port", str(self.shop_port))
        for port in (self.inventory_port, self.shop_port):
            self.wait_for(lambda port=port: requests.get(f"http://127.0.0.1:{port}/health", timeout=1).ok)

    def start_orders(self, name: str) -> None:
        """Start one orders server as in production."""
        self.spawn(name, sys.executable, "-m", "orders.standalone", "-s", "orders.settings")

    @staticmethod
    def wait_for(ready: Any) -> None:
        """Try until something is true."""
        give_up_at = time.monotonic() + 20
        while True:
            try:
                if ready():
                    return
            except (OSError, redis.RedisError, requests.RequestException):
                pass
            if time.monotonic() > give_up_at:
                message = "a process did not come up; see the logs"
                raise SystemExit(message)
            time.sleep(0.1)

    def master(self) -> int:
        """Return the port of the master that Sentinel names."""
        sentinel = redis.Redis(port=self.sentinel_port, decode_responses=True)
        return int(sentinel.sentinel_get_master_addr_by_name("cache")[1])

    def stop(self) -> None:
        """End every process that was started here."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
        self.mail.shutdown()


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


def break_things(machine: Machine, seconds: float) -> None:
    """Kill, fail over, stop: one after the other while shoppers shop."""
    time.sleep(seconds * 0.1)
    say("orders0 is killed")
    machine.processes["orders0"].kill()
    machine.processes["orders0"].wait()
    time.sleep(2)
    machine.start_orders("orders0")
    time.sleep(seconds * 0.1)
    say("sentinel fails over")
    redis.Redis(port=machine.sentinel_port).execute_command("SENTINEL", "FAILOVER", "cache")
    time.sleep(seconds * 0.4)
    victim = machine.redis_ports.index(machine.master())
    say(f"the master, redis{victim}, is stopped for 6 s")
    machine.processes[f"redis{victim}"].send_signal(signal.SIGSTOP)
    time.sleep(6)
    machine.processes[f"redis{victim}"].send_signal(signal.SIGCONT)


def shop(machine: Machine, rate: float, seconds: float) -> dict[str, int]:
    """Check out at a rate and return the status of each order."""
    url = f"http://127.0.0.1:{machine.shop_port}/checkout"
    answers: dict[str, int] = {}

    def check_out(number: int) -> None:
        sku = "scarce" if number % 20 == 0 else "a-1"
        order_id = f"o-{number}"
        try:
            reply = requests.post(url, json={"sku": sku, "order_id": order_id}, timeout=60)
            answers[order_id] = reply.status_code
        except requests.RequestException as error:
            say(f"{order_id}: {error!r}")
            answers[order_id] = 0

    with ThreadPoolExecutor(400) as pool:
        start = time.monotonic()
        for number in range(int(rate * seconds)):
            time.sleep(max(0.0, start + number / rate - time.monotonic()))
            pool.submit(check_out, number)
    return answers


def verdict(machine: Machine, answers: dict[str, int]) -> bool:
    """Compare what shoppers were told with what Redis holds."""
    store = redis.Redis(port=machine.master(), decode_responses=True)
    Machine.wait_for(lambda: store.zcard("outbox") == 0)
    shipments = store.lrange("shipments", 0, -1)
    accepted = [order_id for order_id, status in answers.items() if status == 201]  # noqa: PLR2004
    unshipped = [order_id for order_id in accepted if shipments.count(order_id) != 1]
    doubled = {order_id for order_id in shipments if shipments.count(order_id) > 1}
    stock = {sku: int(store.get(f"stock:{sku}")) for sku in STOCK}
    statuses = {status: list(answers.values()).count(status) for status in sorted(set(answers.values()))}
    say(f"answers {statuses}, shipped {len(shipments)}, mailed {len(Mail.seen)}, stock {stock}")
    say(f"accepted but not shipped once: {unshipped}, shipped twice: {sorted(doubled)}")
    return not unshipped and not doubled and min(stock.values()) >= 0 and not set(statuses) - {201, 409, 503}


def main() -> int:
    """Run it all; the exit code says whether the invariants held."""
    rate = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 30.0  # noqa: PLR2004
    scratch = Path(tempfile.mkdtemp(prefix="checkout-"))
    say(f"logs are in {scratch}")
    machine = Machine(scratch)
    try:
        machine.start()
        for sku, quantity in STOCK.items():
            requests.put(
                f"http://127.0.0.1:{machine.inventory_port}/stock/{sku}",
                json={"quantity": quantity},
                timeout=5,
            ).raise_for_status()
        breaker = threading.Thread(target=break_things, args=(machine, seconds))
        breaker.start()
        answers = shop(machine, rate, seconds)
        breaker.join()
        return 0 if verdict(machine, answers) else 1
    finally:
        machine.stop()


if __name__ == "__main__":
    sys.exit(main())
