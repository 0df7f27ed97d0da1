"""Places orders over PySOA and tries again for as long as a shopper would wait."""

from __future__ import annotations

import logging
import random
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redis
from pysoa.client.client import Client
from pysoa.client.errors import CallActionError, CallJobError
from pysoa.common.transport.errors import PySOATransportError

if TYPE_CHECKING:
    from storefront.settings import Settings

logger = logging.getLogger(__name__)

BACKOFF_FIRST_S = 0.1
BACKOFF_MOST_S = 2.0

REFUSALS = frozenset({"SOLD_OUT", "UNKNOWN_SKU", "NOT_FOUND", "ORDER_MISMATCH"})


class OrdersUnavailableError(Exception):
    """Nobody answered in time; the order may or may not have been placed, and may be placed again."""


@dataclass
class OrderRefusedError(Exception):
    """The orders service answered with a refusal, which trying again will not change."""

    code: str
    message: str


class OrdersClient:
    """The orders service, as the storefront's request threads see it.

    Every call is safe to repeat, because the order's id travels with it.
    """

    def __init__(self, settings: Settings) -> None:
        """Remember the settings; the first call connects."""
        self._routing = settings.client_routing()
        self._attempts = settings.order_attempts
        self._deadline_s = settings.order_deadline_s
        self._timeout_s = settings.order_timeout_s
        self._idle: deque[Client] = deque()

    def place_order(self, order_id: str, sku: str, quantity: int) -> dict[str, Any]:
        """Place an order and return it as accepted."""
        return self._call("place_order", {"order_id": order_id, "sku": sku, "quantity": quantity})

    def get_order(self, order_id: str) -> dict[str, Any]:
        """Return one order."""
        return self._call("get_order", {"order_id": order_id})

    def _call(self, action: str, body: dict[str, Any]) -> dict[str, Any]:
        give_up_at = time.monotonic() + self._deadline_s
        backoff_s = BACKOFF_FIRST_S
        for attempt in range(1, self._attempts + 1):
            try:
                return self._call_once(action, body)
            except OrdersUnavailableError as error:
                pause_s = backoff_s * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
                if attempt == self._attempts or time.monotonic() + pause_s >= give_up_at:
                    raise
                logger.warning("%s %s, attempt %d: %s", action, body["order_id"], attempt, error)
                time.sleep(pause_s)
                backoff_s = min(backoff_s * 2, BACKOFF_MOST_S)
        message = "ORDER_ATTEMPTS is below 1"
        raise OrdersUnavailableError(message)

    def _call_once(self, action: str, body: dict[str, Any]) -> dict[str, Any]:
        # A PySOA client that timed out goes on waiting for the answer that never came: its next call takes
        # its own answer and then blocks for the missing one. So a client serves one thread at a time, and
        # one that saw a transport error is never used again.
        client = self._idle.pop() if self._idle else Client(self._routing)
        try:
            response = client.call_action("orders", action, body, timeout=self._timeout_s)
        except CallActionError as error:
            self._idle.append(client)
            self._raise_for(error.actions[0].errors[0])
            raise
        except CallJobError as error:
            self._idle.append(client)
            raise OrdersUnavailableError(str(error)) from error
        except (PySOATransportError, redis.RedisError) as error:
            raise OrdersUnavailableError(repr(error)) from error
        except KeyError as error:
            # PySOA 1.4.9: while one thread resets the Sentinel backend after a failure, another one that is
            # just asking it for the master finds the entry gone.
            raise OrdersUnavailableError(repr(error)) from error
        self._idle.append(client)
        return dict(response.body)

    @staticmethod
    def _raise_for(error: Any) -> None:
        if error.code in REFUSALS:
            raise OrderRefusedError(error.code, error.message)
        message = f"{error.code}: {error.message}"
        raise OrdersUnavailableError(message)
