"""The section `workload`: open, closed and self-written loads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from meshsim.scenario.rates import Rate

if TYPE_CHECKING:
    from collections.abc import Callable


def test_workloads_say_all_they_can(section: Callable[..., Any]) -> None:
    """Calls with their messages, rates, clients and functions arrive."""
    found = section(
        "workload",
        """\
duration: 9s
workload:
  - {name: a, call: "shop POST /buy", body: {sku: a-1, n: 007}, headers: {X-N: 007},
     rate: poisson(20/s), at: 1s, for: 2s}
  - {name: b, call: "shop GET /items/:id", params: {id: 7}, clients: 50, think: 1s..2s, until: 5s}
  - {name: c, call: orders place_order, json: [1], count: 200}
  - {name: d, run: "loads:browse", clients: 10}
  - {name: e, call: stock GET /, rate: 20/s..200/s}
""",
    )
    first, second, third, fourth, fifth = (load.values for load in found)
    assert first["body"] == {"sku": "a-1", "n": 7}
    assert (first["headers"], first["at_ns"], first["for_ns"]) == ({"X-N": "007"}, 10**9, 2 * 10**9)
    assert first["rate"] == Rate("poisson(20/s)", 20, 20, poisson=True)
    assert (second["clients"], second["think"].text, second["params"]) == (50, "1s..2s", {"id": 7})
    assert (str(third["call"]), third["json"], third["count"]) == ("orders place_order", [1], 200)
    assert (fourth["run"].module, fourth["run"].attribute) == ("loads", "browse")
    assert fifth["rate"] == Rate("20/s..200/s", 20, 200)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("{call: shop GET /, rate: 1/s}", "1:12: a workload lacks name:"),
        ("{name: a, rate: 1/s}", "1:12: a workload needs call: or run:"),
        ("{name: a, call: shop GET /, run: 'loads:x', rate: 1/s}", "has call: and run:, keep one"),
        ("{name: a, call: shop GET /}", "1:12: a workload does not say how often"),
        ("{name: a, call: shop, rate: 1/s}", "1:28: 'shop' does not say what is called: shop GET /"),
        (
            "{name: a, call: shop buy, rate: 1/s}",
            "1:28: 'buy' is no operation of shop, which is wsgi: METHOD /path",
        ),
        (
            "{name: a, call: shp GET /, rate: 1/s}",
            "1:28: 'shp' is neither service nor platform; did you mean 'shop'?",
        ),
        ("{name: a, call: cache GET, rate: 1/s}", "1:28: 'cache' is no service"),
        ("{name: a, call: stock -> shop GET /, rate: 1/s}", "names a caller"),
        ("{name: a, call: shop GET /, rate: 20}", "1:46: '20' is not a rate: 20/s?"),
        (
            "{name: a, call: shop GET /, rate: poison(20/s)}",
            "is not a rate: 20/s, poisson(20/s), or 20/s..200/s",
        ),
        (
            "{name: a, call: shop GET /, rate: 1/s, clients: 2}",
            "rate: is an open workload, clients: a closed one",
        ),
        ("{name: a, call: shop GET /, rate: 1/s, think: 1s}", "1:51: think: is what clients: do"),
        ("{name: a, call: shop GET /, clients: 0}", "1:49: 0 is out of range"),
        ("{name: a, call: shop GET /, count: 1, body: x, json: y}", "body: and json: both say"),
        ("{name: a, call: shop GET /, rate: 1/s, for: 1s, until: 2s}", "for: and until: both say"),
        ("{name: a, call: shop GET /, rate: 1/s, at: 3s, until: 2s}", "until: is not after at:"),
        ("{name: a, call: shop GET /, rate: 1/s..9/s}", "1:46: 1/s..9/s is a ramp without an end"),
        ("{name: a, call: shop GET /, rate: 1/s, generate: valid}", "1:51: a workload has no 'generate'"),
        (
            "{name: a, run: 'loads.x:y'}",
            "1:27: 'loads.x:y': there is no module 'x' in loads; loads is not a package",
        ),
        ("{name: a, run: 'lods:y'}", "did you mean 'loads'?"),
        ("{name: a, run: 'loads:y', body: 1}", "1:38: body: has no meaning with run:"),
        ("{name: a, call: shop GET /, count: 1, params: [1]}", "a list of 1 where parameters are due"),
        (
            "{name: a, call: shop GET /, count: 1}, {name: a, call: shop GET /, count: 1}",
            "1:51: a workload named 'a' stands at line",
        ),
        ("buy", "1:12: a workload is a mapping, not 'buy'"),
        ("{name: a, call: shop GET /items/{id}, count: 1}", "write shop GET /items/:id"),
        ("{name: a, call: {id}, count: 1}", "an unquoted { starts a mapping: quote it"),
    ],
)
def test_a_wrong_workload_has_its_place(
    wrong_section: Callable[[str], list[str]], item: str, expected: str
) -> None:
    """Each mistake is reported at the key or value that is wrong, with what would be right."""
    found = wrong_section(f"workload: [{item}]")
    assert any(expected in mistake for mistake in found), found


def test_a_workload_that_begins_too_late_is_refused(wrong_section: Callable[[str], list[str]]) -> None:
    """A workload that begins after the end would pass vacuously."""
    (mistake,) = wrong_section("duration: 5s\nworkload: [{name: a, call: shop GET /, rate: 1/s, at: 5s}]")
    assert mistake.startswith("2:51: at: lies after the duration")
