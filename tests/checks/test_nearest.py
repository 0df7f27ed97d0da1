"""What an expectation that met nothing could have meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from meshsim.checks.nearest import met_nothing, operation_family
from meshsim.core.selector import parse_selector

if TYPE_CHECKING:
    from tests.checks.conftest import Run


@pytest.mark.parametrize(
    ("selector", "told"),
    [
        ("ordres", "nothing called ordres; did you mean orders?"),
        ("billing", "nothing called billing; called were cache, orders"),
        (
            "orders POST /order",
            (
                "orders was asked for POST /orders (2), GET /orders/{id} (1), never for POST /order; "
                "did you mean orders POST /orders?"
            ),
        ),
        ("worker -> orders", "the callers were shop (3), never worker"),
        ("orders/1", "the calls went to orders/0 (3), none to orders/1"),
        ("cache DEL", "cache was asked for SET (1), never for DEL"),
    ],
)
def test_the_nearest_thing_is_named(run: Run, selector: str, told: str) -> None:
    """A wrong target, operation, caller or replica is each told by what the run really had."""
    run.call()
    run.call("shop/1 -> orders")
    run.call(operation="GET /orders/17")
    run.recorder.command("orders/0", "cache", "SET a 1")
    assert met_nothing(run.trace, parse_selector(selector)) == (told,)


def test_many_operations_are_cut_short(run: Run) -> None:
    """Only the most frequent operations are listed."""
    for word in "abcde":
        run.call(operation=f"GET /{word}")
    (told,) = met_nothing(run.trace, parse_selector("orders place_order"))
    assert "GET /a (1), GET /b (1), GET /c (1) and 2 more" in told


def test_varying_parts_of_operations_fold() -> None:
    """Numbers, long hexadecimal ids and queries do not make operations differ."""
    family = "GET /orders/{id}/items"
    assert operation_family("GET /orders/17/items?x=1") == family
    assert operation_family("GET /orders/5f3c2a9d-77aa-4b1c-9a55-0c1d2e3f4a5b/items") == family
    assert operation_family("place_order") == "place_order"
