"""`--set PATH=VALUE`: one value changed from outside, checked like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from meshsim import scenario
from meshsim.errors import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Callable

BASE = """\
services: {shop: {wsgi: "shop.app:app", concurrency: 4}, stock: {asgi: "stock:app"}}
links: {default: {latency: 1ms}, shop -> stock: {}}
faults: [{at: 1s, crash: shop}]
"""


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("services.shop.concurrency=16", lambda v: v["services"][0].values["concurrency"] == 16),
        ("services.stock.replicas=3", lambda v: v["services"][1].values["replicas"] == 3),
        ("services.shop.env.BUILD=007", lambda v: v["services"][0].values["env"] == {"BUILD": "007"}),
        ("duration=60s", lambda v: v["duration_ns"] == 60 * 10**9),
        ("faults.0.at=5s", lambda v: v["faults"][0].values["at_ns"] == 5 * 10**9),
        ('links."shop -> stock".loss=1%', lambda v: v["links"][1].values["loss_probability"] == 0.01),
        ("links.shop -> stock.loss=1%", lambda v: v["links"][1].values["loss_probability"] == 0.01),
        ("faults=[]", lambda v: v["faults"] == ()),
        ("marks=[slow, net]", lambda v: v["marks"] == ("slow", "net")),
    ],
)
def test_a_value_is_replaced(load: Callable[..., Any], text: str, read: Callable[[Any], bool]) -> None:
    """A path leads through mappings, lists and names with blanks; the value is YAML."""
    assert not read(load(BASE))
    assert read(load(BASE, overrides=[text]))


def test_a_document_is_overridden_without_its_file(load: Callable[..., Any], words: Any) -> None:
    """A document gives another document and stays what it was."""
    load(BASE)
    document = scenario.load("x.mesh.yaml", registry=words)
    other = scenario.override(document, "services.shop.concurrency", "16")
    assert other.values["services"][0].values["concurrency"] == 16
    assert document.values["services"][0].values["concurrency"] == 4
    assert (other.values["name"], other.folder) == ("x", document.folder)
    with pytest.raises(ScenarioError, match="'1x' is not a whole number"):
        scenario.override(document, "services.shop.concurrency", "1x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "services.shp.concurrency=1",
            "--set services.shp.concurrency=1:1:1: there is no 'shp' in services; did you mean 'shop'?",
        ),
        ("services.shop.concurency=1", "has no 'concurency'; did you mean 'concurrency'?"),
        ("services.shop.concurrency=many", ":1:1: 'many' is not a whole number"),
        ("services.shop.concurrency.x=1", "services.shop.concurrency is '4', which has no 'x' inside"),
        ("faults.1.at=1s", "faults.1: the list has items 0 to 0"),
        ("faults.first.at=1s", "faults.first: the list has items 0 to 0"),
        ("duration", "'duration' is no PATH=VALUE"),
        ("=1", "is no PATH=VALUE"),
        ("...=1", "is no path"),
        ("duration=[", "is never closed"),
        ("links.default=* x", "an unquoted * starts an alias"),
    ],
)
def test_an_override_that_leads_nowhere_is_refused(
    wrong: Callable[..., list[str]], text: str, expected: str
) -> None:
    """A path or a value that is wrong is refused, with the override as its place."""
    found = wrong(BASE, overrides=[text])
    assert any(expected in mistake for mistake in found), found
