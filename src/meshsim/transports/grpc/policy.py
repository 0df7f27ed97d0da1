"""A channel's options and its service config: limits, back-off, retries.

Only what has an effect here is read; gRPC's core, too, passes over options that it does not know.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from meshsim.transports.grpc.status import NUMBERS

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

MS: Final = 1_000_000
SECOND: Final = 1_000_000_000
RECEIVE_BYTES_MAX: Final = 4 * 1024 * 1024
# What core allows at most, whatever a service config says.
ATTEMPTS_MAX: Final = 5
_DURATION = re.compile(r"(\d+)(?:\.(\d{1,9}))?s")


@dataclass(frozen=True, slots=True)
class Retry:
    """A retry policy of a service config.

    Attributes:
        attempts: at most so many, the first included.
        initial_ns, max_ns, multiplier: the back-off between them.
        codes: the statuses after which another attempt is made.
    """

    attempts: int
    initial_ns: int
    max_ns: int
    multiplier: float
    codes: frozenset[int]

    def delay_ns(self, retries: int, stream: random.Random) -> int:
        """Return how long to wait before the next attempt, with a jitter of a fifth either way."""
        bound = min(self.initial_ns * self.multiplier**retries, float(self.max_ns))
        return round(bound * stream.uniform(0.8, 1.2))


@dataclass(frozen=True, slots=True)
class Method:
    """What a service config says of a method."""

    timeout_ns: int | None = None
    wait_for_ready: bool | None = None
    retry: Retry | None = None


NO_METHOD: Final = Method()


class Throttle:
    """The tokens that failures cost and successes give back; with half of them gone nothing is retried."""

    def __init__(self, tokens_max: float, ratio: float) -> None:
        self._max = tokens_max
        self._ratio = ratio
        self._tokens = tokens_max

    def failed(self) -> bool:
        """Count a failure that could be retried; returns whether it may be."""
        self._tokens = max(0.0, self._tokens - 1)
        return self._tokens > self._max / 2

    def succeeded(self) -> None:
        """Count a success."""
        self._tokens = min(self._max, self._tokens + self._ratio)


class Options:
    """What a channel or a server was made with."""

    def __init__(self, options: Iterable[tuple[str, Any]]) -> None:
        given: dict[str, Any] = {}
        for key, value in options or ():
            given[key.decode() if isinstance(key, bytes) else key] = value
        self.given = given
        self.receive_max = self._limit("grpc.max_receive_message_length", RECEIVE_BYTES_MAX)
        self.send_max = self._limit("grpc.max_send_message_length", None)
        self.initial_backoff_ns = self.ms("grpc.initial_reconnect_backoff_ms", 1_000)
        self.max_backoff_ns = self.ms("grpc.max_reconnect_backoff_ms", 120_000)
        self.connect_ns = max(self.ms("grpc.min_reconnect_backoff_ms", 20_000), 100 * MS)
        self.keepalive_ns = self.ms("grpc.keepalive_time_ms", 0)
        self.keepalive_timeout_ns = self.ms("grpc.keepalive_timeout_ms", 20_000)
        self.retries = bool(given.get("grpc.enable_retries", 1))
        self.user_agent = str(given.get("grpc.primary_user_agent", ""))
        config = given.get("grpc.service_config")
        self.config: dict[str, Any] = {} if config is None else json.loads(config)
        throttle = self.config.get("retryThrottling")
        self.throttle = (
            None
            if throttle is None
            else Throttle(float(throttle["maxTokens"]), float(throttle["tokenRatio"]))
        )
        self._methods: dict[str, Method] = {}

    def _limit(self, key: str, default: int | None) -> int | None:
        value = self.given.get(key, default)
        return None if value is None or value < 0 else int(value)

    def ms(self, key: str, default: int) -> int:
        """Return an option in milliseconds as nanoseconds; 2^31-1 is gRPC's word for never, as 0 is here."""
        value = int(self.given.get(key, default))
        return 0 if value >= 2**31 - 1 else value * MS

    def method(self, path: str) -> Method:
        """Return what the service config says of `/package.Service/Method`."""
        if not self.config:
            return NO_METHOD
        found = self._methods.get(path)
        if found is None:
            found = self._methods[path] = self._look_up(path)
        return found

    def _look_up(self, path: str) -> Method:
        service, _, name = path.lstrip("/").partition("/")
        best, rank = None, -1
        for entry in self.config.get("methodConfig", ()):
            for meant in entry.get("name", ()):
                exact = _rank(meant, service, name)
                if exact > rank:
                    best, rank = entry, exact
        if best is None:
            return NO_METHOD
        timeout = best.get("timeout")
        policy = best.get("retryPolicy")
        return Method(
            None if timeout is None else _duration_ns(timeout),
            best.get("waitForReady"),
            None if policy is None or not self.retries else _retry(policy),
        )


def _rank(meant: dict[str, str], service: str, name: str) -> int:
    """Say how exactly an entry's name means a method: -1 for not at all."""
    if meant.get("service", "") not in ("", service) or meant.get("method", "") not in ("", name):
        return -1
    return bool(meant.get("service")) + bool(meant.get("method"))


def _duration_ns(text: str) -> int:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no duration of a service config: 0.1s")
    return int(match[1]) * SECOND + int((match[2] or "0").ljust(9, "0"))


def _retry(policy: dict[str, Any]) -> Retry:
    codes = policy["retryableStatusCodes"]
    return Retry(
        min(int(policy["maxAttempts"]), ATTEMPTS_MAX),
        _duration_ns(policy["initialBackoff"]),
        _duration_ns(policy["maxBackoff"]),
        float(policy["backoffMultiplier"]),
        frozenset(NUMBERS[code.upper()] if isinstance(code, str) else int(code) for code in codes),
    )
