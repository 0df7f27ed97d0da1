"""Empties the outbox: ships every accepted order, once."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from orders.store import StoreUnavailableError

if TYPE_CHECKING:
    from orders.store import OrderStore

logger = logging.getLogger(__name__)

BATCH = 50


class Shipper(threading.Thread):
    """A thread that looks into the outbox again and again."""

    def __init__(self, store: OrderStore, every_s: float) -> None:
        """Take a store of its own: the server's thread uses another one."""
        super().__init__(name="shipper", daemon=True)
        self._store = store
        self._every_s = every_s
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Finish the batch in hand and end."""
        self._stopping.set()
        if self.is_alive():
            self.join(5)

    def run(self) -> None:
        """Ship what waits, until stopped."""
        while not self._stopping.wait(self._every_s):
            try:
                self._ship_all()
            except StoreUnavailableError as error:
                logger.warning("shipping waits: %s", error)

    def _ship_all(self) -> None:
        while waiting := self._store.outbox(BATCH):
            shipped = self._store.ship(waiting)
            logger.debug("shipped %d orders", shipped)
            if self._stopping.is_set():
                return
