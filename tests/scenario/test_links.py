"""The section `links`, and who meets whom where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def test_links_say_what_lies_between(section: Callable[..., Any]) -> None:
    """Latency, loss and bandwidth arrive; a link without any says only who calls whom."""
    found = section(
        "links",
        'links: {default: {latency: 1ms}, shop -> stock: {loss: 0.1%}, "* -> cache": {bandwidth: 1MB/s}, '
        "shop/1 -> orders: }\n",
    )
    ends = [(str(link.values["consumer"]), str(link.values["provider"])) for link in found]
    assert ends == [("*", "*"), ("shop", "stock"), ("*", "cache"), ("shop/1", "orders")]
    assert found[0].values["latency"].constant_ns == 10**6
    assert found[1].values["loss_probability"] == 0.001
    assert found[2].values["bandwidth_bytes_s"] == 10**6


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("links: [a]", "1:8: links: is a mapping"),
        ("links: {shop: {}}", """1:9: 'shop' is no link: CONSUMER -> PROVIDER, as "* -> shop", or default"""),
        ("links: {shop -> stok: {}}", "1:9: 'stok' is neither service nor platform; did you mean 'stock'?"),
        ("links: {shp -> stock: {}}", "1:9: 'shp' is neither service nor platform; did you mean 'shop'?"),
        ("links: {shop/2 -> stock: {}}", "1:9: shop/2 is not there: the last one is shop/1"),
        ("links: {shop -> stock GET /: {}}", "1:9: 'shop -> stock GET /' names an operation"),
        ("links: {shop -> stock: {}, shop->stock: {}}", "1:28: 'shop->stock' is the same link as at line"),
        ("links: {default: {latency: 10}}", "1:28: '10' is not a duration: 10s?"),
        ("links: {default: {loss: 5}}", "1:25: '5' is more than certain: 5%?"),
        ("links: {default: {bandwidth: 5MB}}", "1:30: '5MB' is not a bandwidth: a size a second"),
        ("links: {default: {latncy: 1ms}}", "1:19: link 'default' has no 'latncy'; did you mean 'latency'?"),
        ("links: {default: 1ms}", "1:18: link 'default' is a mapping, not '1ms'"),
        (
            "links: {shop -> orders: {latency: 1ms}}",
            "1:9: shop and orders meet at cache, so that no packet passes",
        ),
        ("links: {shop -> orders: {latency: 1ms}}", "put latency on shop -> cache or orders -> cache"),
    ],
)
def test_a_wrong_link_has_its_place(
    wrong_section: Callable[[str], list[str]], text: str, expected: str
) -> None:
    """Each mistake is reported at the key or value that is wrong, with what would be right."""
    found = wrong_section(text)
    assert any(expected in mistake for mistake in found), found


@pytest.mark.parametrize(
    ("text", "meets"),
    [
        ("faults: [{at: 1s, partition: [shop, orders]}]", True),
        ("faults: [{at: 1s, partition: [test, orders]}]", True),
        ("faults: [{at: 1s, partition: [orders, shop]}]", False),
        ("links: {shop -> orders: {}}\nfaults: [{at: 1s, partition: [orders, shop]}]", True),
        ('links: {"* -> orders": {}}\nfaults: [{at: 1s, partition: [orders, shop]}]', True),
        (
            "links: {shop -> orders: {}, orders -> shop: {}}\nfaults: [{at: 1s, partition: [shop, orders]}]",
            False,
        ),
        ("links: {orders -> shop: {}}\nfaults: [{at: 1s, partition: [shop, orders]}]", False),
        ("faults: [{at: 1s, partition: [orders, cache]}]", False),
        ("faults: [{at: 1s, partition: [cache, orders]}]", False),
        ("faults: [{at: 1s, partition: [mail, orders]}]", False),
        ("faults: [{at: 1s, partition: orders}]", False),
        ("faults: [{at: 1s, refuse: shop -> orders}]", True),
        ("faults: [{at: 1s, refuse: orders -> shop}]", False),
        ("faults: [{at: 1s, delay: {to: orders place, by: 1s}}]", False),
    ],
)
def test_parties_that_meet_at_a_broker_share_no_link(
    section: Callable[..., Any],
    wrong_section: Callable[[str], list[str]],
    text: str,
    meets: bool,
) -> None:
    """A link's fault between a caller and a service behind a broker says where they meet."""
    if not meets:
        assert len(section("faults", text)) == 1
        return
    (mistake,) = wrong_section(text)
    assert "meet at cache; " in mistake
    assert ", cache]" in mistake


def test_the_place_of_meeting_is_told_as_the_surface_has_it(
    wrong_section: Callable[[str], list[str]],
) -> None:
    """The message names both, the broker and the fault that would do something."""
    (mistake,) = wrong_section("faults:\n  - {at: 1s, partition: [shop, orders]}\n")
    assert mistake == "2:25: shop and orders meet at cache; partition [shop, cache]"


def test_behind_a_sentinel_they_meet_at_its_master(wrong: Callable[..., list[str]]) -> None:
    """A service that finds its broker through a sentinel exchanges packets with the redis behind it."""
    (mistake,) = wrong("""\
platform: {cache: {redis: {}}, other: {redis: {}}, hub: {redis_sentinel: {master: cache}}}
services:
  shop: {wsgi: "shop.app:app"}
  orders: {pysoa: {server: "orders.server:Server", sentinel: hub}}
faults: [{at: 1s, blackhole: [shop, orders]}]
""")
    assert mistake == "5:30: shop and orders meet at cache; blackhole [shop, cache]"
