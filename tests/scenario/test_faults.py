"""The section `faults`: verbs, targets, parameters and moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from meshsim.core.units import SECOND
from meshsim.scenario.verbs import VERBS, Span

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = {
    "partition": "{at: 1s, for: 2s, partition: {to: [shop, cache], oneway: true}}",
    "latency": '{at: 1s, latency: {to: "* -> cache", add: 50ms..90ms}, ramp: 3s}',
    "loss": "{at: 1s, for: 2s, loss: [shop, stock], probability: 5%}",
    "refuse": "{at: 1s, refuse: mail}",
    "reset": "{every: 5s..9s, reset: shop -> stock}",
    "blackhole": "{between: 1s..9s, blackhole: [shop/0, stock]}",
    "crash": '{when: "shop -> mail POST /send replied", nth: 3, plus: 1ms, crash: caller}',
    "terminate": "{at: 1s, terminate: shop/any}",
    "pause": "{at: 1s, for: 2s, pause: shop/1}",
    "restart": "{between: 1s..2s, restart: orders}",
    "failover": "{at: 3s, failover: {to: sentinel, lose: 200ms}}",
    "error": "{error: {to: stock POST /take, status: 503, json: {why: x}, first: 3}}",
    "delay": "{probability: 5%, delay: {to: shop -> mail, by: normal(mean=5ms sd=1ms)}}",
    "drop": "{at: 1s, drop: {to: shop -> mail POST /send, first: 2}}",
}


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_is_read(section: Callable[..., Any], verb: str) -> None:
    """Each row of the table of verbs is read in its usual shape."""
    (fault,) = section("faults", f"faults:\n  - {GOOD[verb]}\n")
    assert fault.values["verb"] == verb
    assert fault.values["targets"]
    assert fault.text == GOOD[verb]


def test_the_parts_of_a_fault_arrive(section: Callable[..., Any]) -> None:
    """Moments, targets and parameters arrive with their units."""
    partition, crash, error = (
        fault.values
        for fault in section("faults", f"faults: [{GOOD['partition']}, {GOOD['crash']}, {GOOD['error']}]\n")
    )
    assert (partition["at_ns"], partition["for_ns"], partition["params"]) == (
        SECOND,
        2 * SECOND,
        {"oneway": True},
    )
    assert [str(selector) for selector in partition["targets"]] == ["shop", "cache"]
    assert (str(crash["trigger"]), crash["nth"], crash["plus_ns"]) == (
        "shop -> mail POST /send replied",
        3,
        10**6,
    )
    assert (error["first"], error["params"]) == (
        3,
        {"status": 503, "text": None, "json": {"why": "x"}, "code": None, "message": None},
    )


def test_one_end_of_a_link_means_everybody_else(section: Callable[..., Any]) -> None:
    """A link's verb with one name is aimed at everything that reaches it."""
    (fault,) = section("faults", "faults: [{at: 1s, partition: stock}]")
    assert [str(selector) for selector in fault.values["targets"]] == ["*", "stock"]


def test_redis_answers_with_a_text(section: Callable[..., Any]) -> None:
    """An error of Redis is a text, for all commands or one."""
    (fault,) = section(
        "faults", 'faults: [{at: 1s, error: {to: cache SET, text: "READONLY no", probability: 0.5}}]'
    )
    assert (fault.values["params"]["text"], fault.values["probability"]) == ("READONLY no", 0.5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("faults: {at: 1s}", "1:9: faults: is a list, not a mapping"),
        ("faults: [crash]", "1:10: a fault is a mapping, not 'crash'"),
        ("faults: [{at: 1s}]", "1:10: a fault lacks its verb: one of blackhole, crash"),
        ("faults: [{at: 1s, crsh: shop}]", "1:19: 'crsh' is no verb of a fault; did you mean 'crash'?"),
        ("faults: [{at: 1s, hold: shop}]", "'hold' is no verb of a fault; known: blackhole, crash"),
        ("faults: [{at: 1s, crash: shop, pause: shop}]", "1:32: a fault has one verb, not crash and pause"),
        ("faults: [{at: 1s, crash: shop, fro: 2s}]", "1:32: a fault has no 'fro'; did you mean 'for'?"),
        (
            "faults: [{at: 1s, partition: [shop, stock], oneway: true}]",
            "1:45: 'oneway' belongs inside: partition: {to: ..., oneway: ...}",
        ),
        (
            "faults: [{at: 1s, partition: {to: [shop, stock], onway: true}}]",
            "1:50: partition: has no 'onway'; did you",
        ),
        ("faults: [{at: 1s, partition: {oneway: true}}]", "1:30: partition: lacks to:"),
        ("faults: [{at: 1s, partition: [shop]}]", "1:30: a list of 1 where the two ends"),
        ("faults: [{at: 1s, partition: [shop, shop]}]", "1:30: both ends are shop"),
        (
            "faults: [{at: 1s, partition: [shop, stok]}]",
            "1:30: 'stok' is neither service nor platform; did you mean 'stock'?",
        ),
        (
            "faults: [{at: 1s, partition: [shop, stock/1]}]",
            "1:30: stock/1 is not there: the last one is stock/0",
        ),
        ("faults: [{at: 1s, partition: shop GET /}]", "names an operation: a link carries all"),
        (
            "faults: [{at: 1s, crash: shp}]",
            "1:26: 'shp' is neither service nor platform; did you mean 'shop'?",
        ),
        ("faults: [{at: 1s, crash: shop/x}]", "names no replica"),
        ("faults: [{at: 1s, crash: mail}]", "1:26: 'mail' is outside"),
        ("faults: [{at: 1s, crash: test}]", "1:26: 'test' cannot be meant here"),
        (
            "faults: [{at: 1s, crash: shop GET /}]",
            "1:26: 'shop GET /' is no host: a name, as shop, shop/0 or shop/any",
        ),
        (
            "faults: [{at: 1s, crash: caller}]",
            "1:19: 'caller' is who took part in a when:, and there is none",
        ),
        ("faults: [{at: 1s, crash: [shop]}]", "1:26: a list of 1 where text is due"),
        ("faults: [{crash: shop}]", "1:10: nothing says when crash happens"),
        ("faults: [{reset: shop}]", "1:10: nothing says when reset happens"),
        ("faults: [{at: 1s, for: 2s, crash: shop}]", "1:19: crash happens at a moment: for: has no meaning"),
        (
            "faults: [{at: 1s, until: 2s, crash: shop}]",
            "1:19: crash happens at a moment: until: has no meaning",
        ),
        ("faults: [{at: 1s, between: 1s..2s, crash: shop}]", "1:19: at: and between: both say when"),
        (
            "faults: [{at: 1s, for: 1s, until: 3s, pause: shop}]",
            "1:28: for: and until: both say when it ends",
        ),
        ("faults: [{at: 3s, until: 3s, pause: shop}]", "1:19: 3s is not after 3s"),
        ("faults: [{at: 1s, nth: 2, crash: shop}]", "1:19: nth: counts from a when:"),
        ("faults: [{at: 1s, plus: 2s, crash: shop}]", "1:19: plus: counts from a when:"),
        ("faults: [{at: 1s, ramp: 2s, pause: shop}]", "1:19: pause has no strength"),
        ("faults: [{at: 1:30, pause: shop}]", "1:15: '1:30' is not a duration: 1m30s?"),
        ("faults: [{every: 0s..1s, crash: shop}]", "a period is more than 0s"),
        ("faults: [{between: 5s..1s, crash: shop}]", "1:20: '5s..1s' runs backwards: 1s..5s?"),
        (
            "faults: [{when: shop POST /buy replyed, crash: shop}]",
            "1:17: 'shop POST /buy replyed' does not end in an event; did you mean 'replied'?",
        ),
        ("faults: [{when: replied, crash: shop}]", "does not end in an event"),
        ("faults: [{when: shp replied, crash: shop}]", "1:17: 'shp' is neither service nor platform"),
        (
            "faults: [{when: shop buy replied, crash: shop}]",
            "'buy' is no operation of shop, which is wsgi: METHOD /path",
        ),
        (
            "faults: [{at: 1s, probability: 1.5, error: {to: shop, status: 500}}]",
            "1:32: '1.5' is more than certain: 1.5%?",
        ),
        (
            "faults: [{at: 1s, first: 1, error: {to: shop, status: 500, first: 2}}]",
            "1:19: first: stands here and inside error",
        ),
        (
            "faults: [{after_calls: 1, after_messages: 2, crash: shop}]",
            "1:27: after_calls: and after_messages:",
        ),
        ("faults: [{at: 1s, error: shop}]", "1:26: error: shop needs a status:, as 503"),
        ("faults: [{at: 1s, error: {to: shop, status: 42}}]", "42 is out of range: 100 to 599"),
        ("faults: [{at: 1s, error: {to: cache, status: 500}}]", "cache is redis, which has no status:"),
        ("faults: [{at: 1s, error: cache GET}]", "cache is redis: text: says the error"),
        ("faults: [{at: 1s, error: {to: sentinel, text: x}}]", "failover it"),
        (
            "faults: [{at: 1s, error: {to: orders place, status: 500}}]",
            "an error has no status: but code: and message:",
        ),
        ('faults: [{at: 1s, error: {to: "* GET /", status: 500}}]', "names everybody"),
        (
            "faults: [{at: 1s, error: {to: cache GET /x, text: x}}]",
            "'GET /x' is no operation of cache: a command",
        ),
        ("faults: [{at: 1s, latency: [shop, stock]}]", "1:28: latency: needs one of add: and set:, has 0"),
        (
            "faults: [{at: 1s, latency: {to: [shop, stock], add: 1ms, set: 1ms}}]",
            "needs one of add: and set:, has 2",
        ),
        ("faults: [{at: 1s, delay: shop}]", "1:26: delay: needs one of by:, has 0"),
        (
            "faults: [{at: 1s, failover: cache}]",
            "1:29: 'cache' is no redis_sentinel of the platform; known: sentinel",
        ),
        ("duration: 5s\nfaults: [{at: 5s, crash: shop}]", "2:11: 5s never comes: the duration is 5s"),
    ],
)
def test_a_wrong_fault_has_its_place(
    wrong_section: Callable[[str], list[str]], text: str, expected: str
) -> None:
    """Each mistake is reported at the key or value that is wrong, with what would be right."""
    found = wrong_section(text)
    assert any(expected in mistake for mistake in found), found


def test_a_fault_that_may_miss_may_come_too_late(section: Callable[..., Any]) -> None:
    """`may_miss: true` permits a moment after the end."""
    (fault,) = section("faults", "duration: 5s\nfaults: [{at: 9s, crash: shop, may_miss: true}]")
    assert fault.values["may_miss"] is True


def test_a_lasting_fault_needs_no_moment(section: Callable[..., Any]) -> None:
    """A lasting verb without a moment acts from the start; an instant one can wait for calls."""
    found = section(
        "faults", "faults: [{refuse: mail}, {after_calls: 10, crash: shop}, {for: 2s, reset: stock}]"
    )
    assert [fault.values["at_ns"] for fault in found] == [None, None, None]
    assert {VERBS[fault.values["verb"]].span for fault in found} == set(Span)
