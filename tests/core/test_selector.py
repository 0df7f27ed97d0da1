"""The one form that names calls and hosts: what it means, and that it reads back what it writes."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.core.selector import Party, Selector, parse_party, parse_selector
from meshsim.errors import UsageError

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True)
PARTIES = st.one_of(
    NAMES,
    st.builds("{}/{}".format, NAMES, st.integers(0, 999)),
    st.builds("{}/any".format, NAMES),
    st.just("*"),
)
OPERATIONS = st.sampled_from(
    ["", "POST /orders/{id}", "/orders/:id", "place_order", "pkg.Service/Method", "GET /", "GET"]
)


@dataclass(frozen=True)
class Call:
    """What a selector looks at."""

    caller: str
    target: str
    operation: str


@given(st.one_of(st.none(), PARTIES), PARTIES, OPERATIONS)
def test_a_selector_reads_back_what_it_writes(caller: str | None, target: str, operation: str) -> None:
    """The text of a selector is read as the same selector, however it was spaced."""
    arrow = "" if caller is None else f"{caller}  ->   "
    selector = parse_selector(f"{arrow}{target}   {operation}")
    assert parse_selector(selector.text) == selector
    assert selector.text.split() == f"{arrow}{target} {operation}".split()


@pytest.mark.parametrize(
    ("text", "call", "matches"),
    [
        ("orders", Call("storefront/0", "orders/1", "place"), True),
        ("orders", Call("storefront/0", "orders", "place"), True),
        ("orders", Call("storefront/0", "stock/0", "place"), False),
        ("orders/1", Call("storefront/0", "orders/1", "place"), True),
        ("orders/1", Call("storefront/0", "orders/0", "place"), False),
        ("orders/any", Call("storefront/0", "orders/3", "place"), True),
        ("storefront -> orders", Call("storefront/1", "orders/0", "place"), True),
        ("storefront -> orders", Call("admin/0", "orders/0", "place"), False),
        ("storefront/0 -> orders", Call("storefront/1", "orders/0", "place"), False),
        ("* -> cache", Call("orders/0", "cache", "GET"), True),
        ("* -> cache", Call("orders/0", "cache2", "GET"), False),
        ("test -> shop POST /buy", Call("test", "shop/0", "POST /buy"), True),
        ("orders place", Call("s/0", "orders/0", "place"), True),
        ("orders place", Call("s/0", "orders/0", "place_order"), False),
        ("shop POST /orders/{id}", Call("s/0", "shop/0", "POST /orders/17"), True),
        ("shop POST /orders/:id", Call("s/0", "shop/0", "POST /orders/17"), True),
        ("shop POST /orders/{id}", Call("s/0", "shop/0", "GET /orders/17"), False),
        ("shop POST /orders/{id}", Call("s/0", "shop/0", "POST /orders/17/lines"), False),
        ("shop POST /orders/{id}", Call("s/0", "shop/0", "POST /orders/"), False),
        ("shop /orders/:id/lines", Call("s/0", "shop/0", "DELETE /orders/17/lines"), True),
        ("shop GET /files/{name:path}", Call("s/0", "shop/0", "GET /files/a/b.txt"), True),
        ("shop GET /items", Call("s/0", "shop/0", "GET /items?page=2"), True),
        ("shop GET /items?page=1", Call("s/0", "shop/0", "GET /items?page=2"), False),
        ("shop GET /a.b", Call("s/0", "shop/0", "GET /aXb"), False),
        ("payments Pay", Call("s/0", "payments/0", "shop.Payments/Pay"), True),
        ("payments Pay", Call("s/0", "payments/0", "shop.Payments/RePay"), False),
        ("payments shop.Payments/Pay", Call("s/0", "payments/0", "shop.Payments/Pay"), True),
    ],
)
def test_a_selector_means_the_calls_it_names(text: str, call: Call, matches: bool) -> None:
    """A selector matches a call exactly when caller, target, replica and operation are those it names."""
    selector = parse_selector(text)
    assert selector.matches_call(call) is matches
    assert selector.matches(call.caller, call.target, call.operation) is matches


def test_a_party_names_its_hosts() -> None:
    """A name means every replica, in their order; `any` leaves the choice open; a bare name its own host."""
    known = ["orders/0", "orders/1", "orders-v2/0", "cache"]
    assert parse_party("orders").hosts(known) == ("orders/0", "orders/1")
    assert parse_party("orders/any").hosts(known) == ("orders/0", "orders/1")
    assert parse_party("orders/1").hosts(known) == ("orders/1",)
    assert parse_party("cache").hosts(known) == ("cache",)
    assert parse_party("*").hosts(known) == tuple(known)
    assert parse_party("orders/any") == Party("orders", any_replica=True)


def test_a_path_is_filled_from_values() -> None:
    """The parameters of a path take values, quoted for a URL; a missing one is named."""
    operation = parse_selector("shop GET /items/{id}/:part").operation
    assert operation is not None
    assert operation.parameters == ("id", "part")
    assert operation.fill({"id": "a/b", "part": 7}) == "/items/a%2Fb/7"
    with pytest.raises(UsageError, match="'part'"):
        operation.fill({"id": 1})


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "names no target"),
        ("a -> b -> c", "two arrows"),
        ("-> orders", '"* -> orders"?'),
        ("a ->", "names no target"),
        ("orders/x", "orders/0"),
        ("orders/-1", "orders/any"),
        ("*/1", "name the service"),
        ("9lives", "not the name"),
        ("shop post /buy", "POST /buy?"),
        ("shop POST buy", "POST /buy?"),
        ("shop POST /buy now", "METHOD /path"),
        ("shop GET /items/{id", "no parameter"),
        ("shop GET /items/{}", "no parameter"),
        ("shop ?", "not an operation"),
    ],
)
def test_a_wrong_selector_is_refused_with_what_is_right(text: str, hint: str) -> None:
    """What is not a selector is refused with what would be right."""
    with pytest.raises(UsageError) as caught:
        parse_selector(text)
    assert hint in str(caught.value)


@given(st.text(max_size=30))
def test_any_text_is_a_selector_or_refused(text: str) -> None:
    """No text makes the parser fail in any way but its own."""
    try:
        selector = parse_selector(text)
    except UsageError:
        return
    assert isinstance(selector, Selector)
    assert parse_selector(selector.text) == selector
