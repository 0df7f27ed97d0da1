"""The section `expect`: each kind, its parameters and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from meshsim.scenario.expect import KINDS, SENTENCES

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = {
    "always": '{always: "checks:never_negative"}',
    "eventually": '{eventually: "checks:ships", within: 30s, may_miss: true}',
    "latency": "{latency: shop POST /buy, p99: 500ms, p999: 1s, at_least: 10, window: faults}",
    "error_rate": "{error_rate: shop, below: 1%, window: 1s..2s}",
    "amplification": "{amplification: stock, below: 3}",
    "calls": "{calls: shop -> mail POST /send, per: body.order_id, exactly: 1}",
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_read(section: Callable[..., Any], kind: str) -> None:
    """Each kind of expectation is read in its usual shape."""
    (expectation,) = section("expect", f"expect:\n  - {GOOD[kind]}\n")
    assert expectation.values["kind"] == kind
    assert expectation.text == GOOD[kind]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_each_sentence_is_read(section: Callable[..., Any], sentence: str) -> None:
    """Expectations in words are read."""
    (expectation,) = section("expect", f"expect: [{sentence}]")
    assert expectation.values["kind"] == sentence.replace(" ", "_")


def test_the_parts_of_an_expectation_arrive(section: Callable[..., Any]) -> None:
    """Limits, windows and counts arrive with their units."""
    latency, errors, calls = (
        item.values
        for item in section("expect", f"expect: [{GOOD['latency']}, {GOOD['error_rate']}, {GOOD['calls']}]")
    )
    assert (latency["p99"], latency["p50"], latency["at_least"], latency["window"]) == (
        5 * 10**8,
        None,
        10,
        "faults",
    )
    assert (errors["below"], errors["window"]) == (0.01, (10**9, 2 * 10**9))
    assert (calls["per"], calls["exactly"], str(calls["selector"])) == (
        "body.order_id",
        1,
        "shop -> mail POST /send",
    )


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (
            "no unhandeld errors",
            "1:10: 'no unhandeld errors' is no expectation; did you mean 'no unhandled errors'?",
        ),
        (
            "{no: unhandled errors}",
            "1:11: 'no' is no kind of expectation; did you mean 'no unhandled errors'?",
        ),
        ("{alwys: 'checks:x'}", "1:11: 'alwys' is no kind of expectation; did you mean 'always'?"),
        ("{}", "1:10: an expectation is empty"),
        ("[a]", "1:10: an expectation is a mapping or a sentence"),
        (
            "{always: 'checks:x', eventually: 'checks:y'}",
            "1:31: an expectation has one kind, not always and eventually",
        ),
        ("{always: 'chcks:x'}", "did you mean 'checks'?"),
        ("{always: checks.x}", "1:19: 'checks.x' names no attribute: checks:x?"),
        ("{eventually: 'checks:x', within: 30}", "1:43: '30' is not a duration: 30s?"),
        ("{latency: shop}", "1:10: expect latency does not say how fast: p99: 500ms"),
        ("{latency: shop, p98: 1s}", "1:26: expect latency has no 'p98'; did you mean 'p9"),
        ("{latency: shp, p99: 1s}", "1:20: 'shp' is neither service nor platform; did you mean 'shop'?"),
        ("{latency: shop, p99: 1s, window: fault}", "1:43: 'fault' is no window"),
        ("{error_rate: shop}", "1:10: expect error_rate lacks below:"),
        ("{error_rate: shop, below: 5}", "1:36: '5' is more than certain: 5%?"),
        ("{amplification: stock, below: lots}", "1:40: 'lots' is not a number"),
        ("{calls: mail POST /send}", "1:10: expect calls does not say how many"),
        (
            "{calls: mail POST /send, exactly: 1, at_least: 1}",
            "says how many more than once: exactly:, at_least:",
        ),
        ("{calls: mail POST /send, exactly: 1, times: 1..2}", "more than once: exactly:, times:"),
        ("{calls: mail POST /send, times: 3..1}", "1:42: '3..1' runs backwards: 1..3?"),
        ("{calls: mail POST /send, times: 3}", "1:42: '3' is not a range of counts"),
        ("{calls: mail POST /send, at_least: 3, at_most: 1}", "at_least: 3 is more than at_most: 1"),
        (
            "{calls: mail POST /send, per: order_id, exactly: 1}",
            "1:40: 'order_id' names nothing in a request: body.order_id",
        ),
        ("{calls: mail charge, exactly: 1}", "1:18: 'charge' is no operation of mail, which is external"),
        ('{calls: "*", exactly: 1}', "1:18: '*' is every call there is"),
        ("{delivered: cache, at_least: 1}", "1:11: 'delivered' is no kind of expectation"),
    ],
)
def test_a_wrong_expectation_has_its_place(
    wrong_section: Callable[[str], list[str]], item: str, expected: str
) -> None:
    """Each mistake is reported at the key or value that is wrong, with what would be right."""
    found = wrong_section(f"expect: [{item}]")
    assert any(expected in mistake for mistake in found), found


@pytest.mark.parametrize(
    "count", ["exactly: 0", "times: 0..3", "at_least: 1", "at_most: 3", "at_least: 1, at_most: 3"]
)
def test_counts_can_be_bounded_either_way(section: Callable[..., Any], count: str) -> None:
    """Exact counts, ranges and bounds on either side are read."""
    assert section("expect", f"expect: [{{calls: mail, {count}}}]")
