"""The inventory service, as the orders service sees it."""

from __future__ import annotations

import logging
import random
import time

import requests

logger = logging.getLogger(__name__)

ATTEMPTS = 2
BACKOFF_S = 0.2
CONNECT_TIMEOUT_S = 0.5
READ_TIMEOUT_S = 1.5

OUTCOMES = {201: "reserved", 409: "sold_out", 404: "unknown_sku"}


class InventoryUnavailableError(Exception):
    """The inventory gave no answer that says whether the stock is reserved."""


class InventoryClient:
    """Reserves stock over HTTP; safe to repeat, because the order's id travels with it."""

    def __init__(self, url: str) -> None:
        """Remember the address; the first reservation connects."""
        self._url = f"{url}/reservations"
        self._session = requests.Session()

    def reserve(self, order_id: str, sku: str, quantity: int) -> str:
        """Reserve stock for an order and return ``reserved``, ``sold_out`` or ``unknown_sku``."""
        body = {"order_id": order_id, "sku": sku, "quantity": quantity}
        failure = ""
        for number in range(ATTEMPTS):
            if number:
                time.sleep(random.uniform(0.5, 1.0) * BACKOFF_S * 2**number)  # noqa: S311
            try:
                reply = self._session.post(self._url, json=body, timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S))
            except requests.RequestException as error:
                failure = repr(error)
            else:
                if reply.status_code not in OUTCOMES:
                    # It answered that it cannot; asking again at once would only keep this server busy.
                    raise InventoryUnavailableError(f"{reply.status_code} {reply.text[:200]}")
                return OUTCOMES[reply.status_code]
            logger.info("reserve %s, attempt %d: %s", order_id, number + 1, failure)
        raise InventoryUnavailableError(failure)
