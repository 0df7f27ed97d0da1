"""Tells shoppers by mail that their order was accepted; best effort, behind the request."""

from __future__ import annotations

import logging
import queue
import threading

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

logger = logging.getLogger(__name__)

BACKLOG = 1000
TIMEOUT_S = (1.0, 3.0)


class Mailer:
    """A queue of confirmations and the one thread that sends them."""

    def __init__(self, mail_url: str) -> None:
        """Remember the provider's address; the first confirmation starts the thread."""
        self._url = f"{mail_url}/v1/messages"
        self._queue: queue.Queue[dict[str, str]] = queue.Queue(maxsize=BACKLOG)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def confirm(self, order_id: str, sku: str) -> None:
        """Queue the confirmation of an order; drop it when the provider is far behind."""
        # Started by the first order rather than at import, so that it lives in the worker that serves
        # requests and not in the parent that a pre-forking server imports the application in.
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._send_forever, name="mailer", daemon=True)
                self._thread.start()
        try:
            self._queue.put_nowait({"order_id": order_id, "text": f"Your order of {sku} is on its way."})
        except queue.Full:
            logger.warning("mail backlog is full, order %s gets no confirmation", order_id)

    def _send_forever(self) -> None:
        with requests.Session() as session:
            retry = Retry(
                total=4,
                backoff_factor=0.2,
                status_forcelist=(429, 502, 503, 504),
                allowed_methods=None,
                raise_on_status=False,
            )
            session.mount(self._url, HTTPAdapter(max_retries=retry))
            while True:
                self._send(session, self._queue.get())

    def _send(self, session: requests.Session, message: dict[str, str]) -> None:
        try:
            reply = session.post(
                self._url,
                json=message,
                headers={"Idempotency-Key": message["order_id"]},
                timeout=TIMEOUT_S,
            )
            reply.raise_for_status()
        except requests.RequestException as error:
            logger.warning("order %s gets no confirmation: %s", message["order_id"], error)
