"""What the scenario fills the shop with, and what it looks at."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from redis.sentinel import Sentinel

if TYPE_CHECKING:
    from meshsim import World
    from meshsim.trace import Call

STOCK = {"a-1": 100_000, "scarce": 25}

seen = 0
unanswered: list[Call] = []


def fill_the_shelves(mesh: World) -> None:
    """Put the stock on the shelves, by the inventory's own interface."""
    inventory = mesh.http("inventory")
    for sku, quantity in STOCK.items():
        inventory.put(f"/stock/{sku}", json={"quantity": quantity}).raise_for_status()


def stock_is_never_negative(mesh: World) -> None:
    """Whatever the inventory says is left on a shelf is not below zero."""
    global seen, unanswered  # noqa: PLW0603 - looked at after each checkout: what was looked at is not again
    calls = mesh.trace.calls
    news = [*unanswered, *(call for call in calls[seen:] if call.target_service == "inventory")]
    seen = len(calls)
    unanswered = [call for call in news if call.ended_ns is None]
    for call in news:
        left = call.reply.field("left") if call.reply is not None else None
        assert not isinstance(left, int) or left >= 0, f"{left} x {call.body('sku')} are left"


def every_accepted_order_shipped_once(mesh: World) -> None:
    """Every order that a shopper was promised is in the carrier's list, and nothing is there twice."""
    checkouts = mesh.trace.requests("storefront POST /checkout")
    accepted = {_order_id(call) for call in checkouts if call.status == 201}  # noqa: PLR2004
    assert accepted, "no order was accepted"
    sentinel: Any = Sentinel([("sentinel", 26379)])  # type: ignore[no-untyped-call]
    store = sentinel.master_for("cache", decode_responses=True)
    shipped = Counter(store.lrange("shipments", 0, -1))
    missing = sorted(accepted - shipped.keys())
    assert not missing, f"{len(missing)} accepted orders are not shipped, one is {missing[0]}"
    doubled = sorted(order_id for order_id, times in shipped.items() if times > 1)
    assert not doubled, f"{len(doubled)} orders are shipped more than once, one is {doubled[0]}"


def _order_id(call: Call) -> Any:
    return call.reply.field("order_id") if call.reply is not None else None
