"""The orders server."""

from __future__ import annotations

from typing import Any

from pysoa.server.server import Server as BaseServer

from orders import settings
from orders.actions import GetOrder, PlaceOrder
from orders.inventory_client import InventoryClient
from orders.shipper import Shipper
from orders.store import OrderStore


class Server(BaseServer):
    """Places orders on request, and ships them from a thread of its own."""

    service_name = "orders"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Build what the actions and the shipper share."""
        super().__init__(*args, **kwargs)
        self.store = OrderStore()
        self.inventory = InventoryClient(settings.INVENTORY_URL)
        self.shipper = Shipper(OrderStore(), settings.SHIP_EVERY_S)
        self.action_class_map = {
            "place_order": lambda conf: PlaceOrder(conf, self.store, self.inventory),
            "get_order": lambda conf: GetOrder(conf, self.store),
        }

    def setup(self) -> None:
        """Start shipping."""
        super().setup()
        self.shipper.start()

    def teardown(self) -> None:
        """Stop shipping; what is left in the outbox ships after the next start."""
        self.shipper.stop()
        super().teardown()
