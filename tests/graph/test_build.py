"""From a document to the graph: every value in its place, nothing but data."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from meshsim import graph, scenario
from meshsim.core.selector import Selector, parse_party
from meshsim.core.units import SECOND
from meshsim.errors import ScenarioError
from meshsim.scenario import Words

if TYPE_CHECKING:
    from pathlib import Path

    from meshsim.scenario import Document

CHECKOUT = """\
scenario: checkout survives
seed: 7
seeds: 20
duration: 60s
settle: 30s
setup: ["checks:stock"]
xfail: "known"
marks: [slow]
cases: {slow: {links: {default: {latency: 50ms}}}}
services:
  storefront: {wsgi: "shop:app", replicas: 2, restart: 2s, concurrency: 4, env: {BUILD: 007}}
  payments: {asgi: "shop:app"}
  orders: {pysoa: "shop:Server"}
platform:
  cache: {redis: {version: "7.4"}}
  hub: {redis_sentinel: {master: cache, replicas: 2, replication_lag: 50ms..300ms}}
  stripe:
    external:
      host: api.stripe.com
      responses:
        - {match: "POST /v1/charges", reply: [{status: 201, json: {id: 1}, delay: 40ms}, {status: 503}]}
links:
  default: {latency: 1ms}
  storefront -> payments: {loss: 0.1%}
  "* -> payments": {latency: 3ms, loss: 5%}
  storefront -> orders: {}
faults:
  - {at: 10s, for: 5s, partition: [orders, cache]}
  - {every: 20s..40s, crash: orders/any}
  - {when: "storefront -> stripe POST /v1/charges replied", nth: 3, crash: caller}
workload:
  - {name: shoppers, call: "storefront POST /checkout", body: {sku: a-1}, rate: poisson(20/s)}
  - {name: own, run: "checks:browse", clients: 10}
expect:
  - no unhandled errors
  - {eventually: "checks:ships", within: 30s}
  - {latency: storefront POST /checkout, p99: 500ms, at_least: 1000, window: faults}
  - {calls: stripe POST /v1/charges, per: body.order_id, exactly: 1}
  - {calls: stripe, at_least: 2, may_miss: true}
  - {calls: stripe, times: 1..3}
"""


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Document:
    """The document of the checkout scenario."""
    for name in ("shop.py", "checks.py"):
        (tmp_path / name).write_text("", encoding="utf-8")
    (tmp_path / "checkout.mesh.yaml").write_text(CHECKOUT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return scenario.load("checkout.mesh.yaml", registry=Words(frozenset({"pysoa"}), frozenset()))


def test_the_general_values_are_there(document: Document, tmp_path: Path) -> None:
    """Name, seeds, times and the rest of the head of a scenario are in the graph."""
    built = graph.build(document)
    assert (built.name, built.seed, built.seeds) == ("checkout survives", 7, 20)
    assert (built.duration_ns, built.settle_ns) == (60 * SECOND, 30 * SECOND)
    assert (built.file, built.folder, built.case, built.cases) == (
        "checkout.mesh.yaml",
        str(tmp_path),
        None,
        ("slow",),
    )
    assert (built.xfail, built.marks, [str(item) for item in built.setup]) == (
        "known",
        ("slow",),
        ["checks:stock"],
    )


def test_every_part_has_its_place_and_text(document: Document) -> None:
    """Each part says where it stands and how it was written."""
    built = graph.build(document)
    assert str(built.faults[1].place) == "checkout.mesh.yaml:29:5"
    assert built.faults[1].text == "{every: 20s..40s, crash: orders/any}"
    assert str(built.services[0].place) == "checkout.mesh.yaml:11:3"
    assert built.expect[0].text == "no unhandled errors"
    parts: list[Any] = [
        *built.services,
        *built.platform,
        *built.links,
        *built.faults,
        *built.workload,
        *built.expect,
    ]
    assert all(part.text and part.place.line > 1 for part in parts)


def test_services_and_platform_arrive(document: Document) -> None:
    """Services have hosts and values; external stubs have replies."""
    built = graph.build(document)
    storefront, orders = built.service("storefront"), built.service("orders")
    assert storefront is not None
    assert orders is not None
    assert storefront.hosts() == ("storefront/0", "storefront/1")
    assert (storefront.adapter, storefront.restart_ns, storefront.env) == (
        "wsgi",
        2 * SECOND,
        {"BUILD": "007"},
    )
    assert (orders.adapter, orders.options) == ("pysoa", {"redis": "cache"})
    stripe, hub = built.platform_service("stripe"), built.platform_service("hub")
    assert stripe is not None
    assert hub is not None
    (response,) = stripe.options["responses"]
    assert [reply.status for reply in response.replies] == [201, 503]
    assert response.match.matches("POST /v1/charges")
    assert (hub.options["master"], hub.options["replicas"]) == ("cache", 2)
    assert built.service("stripe") is None
    assert built.platform_service("orders") is None


def test_faults_arrive(document: Document) -> None:
    """A fault has its verb with its row, its moments, targets and parameters."""
    partition, crash, triggered = graph.build(document).faults
    assert (partition.verb, partition.when.at_ns, partition.when.for_ns) == (
        "partition",
        10 * SECOND,
        5 * SECOND,
    )
    assert ([str(end) for end in partition.targets], partition.params) == (
        ["orders", "cache"],
        {"oneway": False},
    )
    assert crash.when.every == (20 * SECOND, 40 * SECOND)
    assert crash.targets[0].target.any_replica
    assert crash.row.name == "crash"
    assert triggered.when.trigger is not None
    assert (triggered.when.trigger.event, triggered.when.nth) == ("replied", 3)


def test_expectations_arrive(document: Document) -> None:
    """An expectation has what its kind needs; counts become bounds."""
    none, eventually, latency, exactly, at_least, times = graph.build(document).expect
    assert none.kind == "no_unhandled_errors"
    assert (eventually.within_ns, str(eventually.check)) == (30 * SECOND, "checks:ships")
    assert (latency.percentiles_ns, latency.at_least, latency.window) == (
        {"p99": SECOND // 2},
        1000,
        "faults",
    )
    assert (exactly.times, exactly.per) == ((1, 1), "body.order_id")
    assert (at_least.times, at_least.may_miss) == ((2, None), True)
    assert times.times == (1, 3)


def test_the_graph_is_frozen(document: Document) -> None:
    """Nothing in the graph can be changed by one run for the next."""
    built = graph.build(document)
    for part in (
        built,
        built.services[0],
        built.faults[0],
        built.faults[0].when,
        built.links[0],
        built.expect[0],
    ):
        field = dataclasses.fields(part)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(part, field, None)


def test_the_most_exact_link_counts_for_each_value(document: Document) -> None:
    """Each value of a link comes from the most exact link that states it."""
    built = graph.build(document)
    exact = built.link("storefront/1", "payments/0")
    assert exact is not None
    assert exact.latency is not None
    assert (exact.latency.text, exact.loss_probability, exact.place.line) == ("3ms", 0.001, 24)
    other = built.link("orders/0", "cache")
    assert other is not None
    assert other.latency is not None
    assert (other.latency.text, other.loss_probability) == ("1ms", None)


def test_links_are_the_routing_of_clients(document: Document) -> None:
    """Whom a consumer calls is what the links say, wildcards included."""
    built = graph.build(document)
    assert built.providers_of("storefront/0") == ("payments", "orders")
    assert built.providers_of("orders/0") == ("payments",)


def test_a_selector_names_hosts(document: Document) -> None:
    """A target means its replicas, or the platform service's own host."""
    built = graph.build(document)
    named = [
        built.hosts_of(Selector(parse_party(text)))
        for text in ("storefront", "storefront/1", "cache", "orders/any")
    ]
    assert named == [("storefront/0", "storefront/1"), ("storefront/1",), ("cache",), ("orders/0",)]


@pytest.mark.parametrize(
    ("text", "duration_ns"),
    [
        (
            "faults: [{at: 2s, for: 3s, pause: a}]\nworkload: [{name: w, call: a GET /, rate: 20/s}]\n",
            10 * SECOND,
        ),
        (
            "faults: [{at: 20s, for: 3s, pause: a}]\nworkload: [{name: w, call: a GET /, rate: 20/s}]\n",
            46 * SECOND,
        ),
        (
            "faults: [{between: 1s..9s, crash: a}]\nworkload: [{name: w, call: a GET /, clients: 2}]\n",
            18 * SECOND,
        ),
        ("faults: [{at: 20s, crash: a}]\nworkload: [{name: w, call: a GET /, rate: 20/s, count: 9}]\n", None),
        ("workload: [{name: w, call: a GET /, rate: 20/s, for: 9s}]\n", None),
        ("workload: [{name: w, run: 'shop:f'}]\n", None),
        ("duration: 7s\nworkload: [{name: w, call: a GET /, rate: 20/s}]\n", 7 * SECOND),
        ("", None),
    ],
)
@pytest.mark.usefixtures("document")
def test_a_load_without_an_end_gets_one(tmp_path: Path, text: str, duration_ns: int | None) -> None:
    """The smallest useful scenario ends: an endless load runs for twice as long as there are faults."""
    file = tmp_path / "small.mesh.yaml"
    file.write_text('services: {a: {wsgi: "shop:app"}}\n' + text, encoding="utf-8")
    assert graph.build(scenario.load(file)).duration_ns == duration_ns


def test_a_fault_is_built_from_a_dict(document: Document) -> None:
    """A fault in Python has the grammar of the file; an underscore helps where Python needs one."""
    fault = graph.build_fault(document, {"at": "3s", "for_": "2s", "partition": ["orders", "cache"]})
    assert (fault.verb, fault.when.at_ns, fault.when.for_ns) == ("partition", 3 * SECOND, 2 * SECOND)
    with pytest.raises(
        ScenarioError, match=r"<dict>\.crash:1:1: 'ordrs' is neither .* did you mean 'orders'"
    ):
        graph.build_fault(document, {"at": "3s", "crash": "ordrs"})
    with pytest.raises(ScenarioError, match="meet at cache"):
        graph.build_fault(document, {"at": "3s", "partition": ["storefront", "orders"]})
    assert graph.build_fault(document, {"crash": "orders"}).when == graph.When()
