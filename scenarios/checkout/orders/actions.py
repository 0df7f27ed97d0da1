"""What callers can ask of the orders service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformity import fields
from pysoa.common.errors import Error
from pysoa.server.action.base import Action
from pysoa.server.errors import ActionError

from orders.inventory_client import InventoryUnavailableError
from orders.store import Order, StoreUnavailableError

if TYPE_CHECKING:
    from pysoa.server.types import EnrichedActionRequest

    from orders.inventory_client import InventoryClient
    from orders.store import OrderStore

ORDER_SCHEMA = fields.Dictionary(
    {
        "order_id": fields.UnicodeString(),
        "sku": fields.UnicodeString(),
        "quantity": fields.Integer(gt=0),
        "status": fields.Constant("accepted", "shipped"),
    }
)


def _error(code: str, message: str, *, caller: bool) -> ActionError:
    error = Error(code=code, message=message, is_caller_error=caller)
    return ActionError(errors=[error], set_is_caller_error_to=None)


class PlaceOrder(Action):
    """Accept an order: its stock is reserved, and it will be shipped once."""

    description = "Accepts an order. Safe to repeat: the same order id is the same order."
    request_schema = fields.Dictionary(
        {
            "order_id": fields.UnicodeString(min_length=1),
            "sku": fields.UnicodeString(min_length=1),
            "quantity": fields.Integer(gt=0),
        }
    )
    response_schema = ORDER_SCHEMA

    def __init__(self, settings: Any, store: OrderStore, inventory: InventoryClient) -> None:
        """Take the collaborators from the server."""
        super().__init__(settings)
        self._store = store
        self._inventory = inventory

    def run(self, request: EnrichedActionRequest) -> dict[str, Any]:
        """Reserve the stock, then write down the order and its shipment to be in one step."""
        wanted = Order(**request.body, status="accepted")
        try:
            outcome = self._inventory.reserve(wanted.order_id, wanted.sku, wanted.quantity)
            if outcome == "reserved":
                order = self._store.accept(wanted)
        except (InventoryUnavailableError, StoreUnavailableError) as error:
            raise _error("UNAVAILABLE", str(error), caller=False) from error
        if outcome != "reserved":
            raise _error(outcome.upper(), f"{wanted.quantity} x {wanted.sku}", caller=True)
        if (order.sku, order.quantity) != (wanted.sku, wanted.quantity):
            raise _error("ORDER_MISMATCH", f"order {order.order_id} is another order", caller=True)
        return order.as_dict()


class GetOrder(Action):
    """Show an order."""

    description = "Returns an order and whether it was shipped."
    request_schema = fields.Dictionary({"order_id": fields.UnicodeString(min_length=1)})
    response_schema = ORDER_SCHEMA

    def __init__(self, settings: Any, store: OrderStore) -> None:
        """Take the store from the server."""
        super().__init__(settings)
        self._store = store

    def run(self, request: EnrichedActionRequest) -> dict[str, Any]:
        """Look the order up."""
        order_id = request.body["order_id"]
        try:
            order = self._store.get(order_id)
        except StoreUnavailableError as error:
            raise _error("UNAVAILABLE", str(error), caller=False) from error
        if order is None:
            raise _error("NOT_FOUND", f"there is no order {order_id}", caller=True)
        return order.as_dict()
