"""The word `pysoa` of a scenario, before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from meshsim.errors import ScenarioError
from meshsim.graph import build
from meshsim.scenario import load
from meshsim_pysoa.adapter import PySOAAdapter, routing_of
from meshsim_pysoa.brokers import broker_of
from meshsim_pysoa.launcher import arguments

if TYPE_CHECKING:
    from meshsim.graph import Graph


def graph_of(**sections: Any) -> Graph:
    """Build a scenario from Python."""
    platform = {"cache": {"redis": {}}, "watch": {"redis_sentinel": {"master": "cache"}}}
    return build(load({"platform": platform, **sections}))


def orders(**options: Any) -> dict[str, Any]:
    """Describe a PySOA service."""
    return {"pysoa": {"server": "memory:EchoServer", **options}}


def test_the_only_redis_is_the_broker_of_a_service_that_names_none() -> None:
    """A plain `pysoa: module:Server` meets its callers at the only Redis of the platform."""
    graph = graph_of(services={"orders": {"pysoa": "memory:EchoServer"}})
    broker = broker_of(graph.services[0], graph)
    assert (broker.backend_type, broker.hosts) == ("redis.standard", (("cache", 6379),))


def test_a_sentinel_is_asked_for_the_master_that_the_scenario_gives_it() -> None:
    """`sentinel: watch` makes PySOA's Sentinel backend, for the master by its name."""
    graph = graph_of(services={"orders": orders(sentinel="watch")})
    layer = broker_of(graph.services[0], graph).transport("x")["kwargs"]
    assert layer["backend_type"] == "redis.sentinel"
    assert layer["backend_layer_kwargs"]["hosts"] == [("watch", 26379)]
    assert layer["backend_layer_kwargs"]["sentinel_services"] == ["cache"]


def test_generated_settings_keep_redis_py_from_giving_up_within_blpop() -> None:
    """A connection waits for as long as PySOA does unless the scenario says otherwise."""
    graph = graph_of(services={"a": orders(), "b": orders(connection_kwargs={"socket_timeout": 5})})
    assert [broker_of(spec, graph).connection for spec in graph.services] == [
        {"socket_timeout": None},
        {"socket_timeout": 5},
    ]


def test_the_routing_holds_the_services_that_the_links_name() -> None:
    """A consumer with links is routed to their providers, one without links to everybody."""
    services = {"a": orders(), "b": orders(service_name="bee"), "c": orders()}
    graph = graph_of(services=services, links={"a -> b": {}})
    assert list(routing_of(graph, "a")) == ["bee"]
    assert list(routing_of(graph, "b")) == ["a", "c"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"setings": "x"}, "has no option 'setings'; did you mean 'settings'?"),
        ({"settings": 7}, "settings: 7 is no str"),
        ({"settings": "x", "connection_kwargs": {}}, "connection_kwargs: would change nothing"),
    ],
)
def test_wrong_options_are_named_with_what_would_be_right(options: dict[str, Any], message: str) -> None:
    """Each mistake in a mapping has a message of its own."""
    spec = graph_of(services={"orders": orders(**options)}).services[0]
    assert [message in mistake.message for mistake in PySOAAdapter().validate(spec)] == [True]


def test_right_options_have_no_mistakes() -> None:
    """A full mapping passes."""
    options = {"sentinel": "watch", "settings": "orders.settings", "service_name": "o", "django": False}
    spec = graph_of(services={"orders": orders(**options)}).services[0]
    assert PySOAAdapter().validate(spec) == []


def test_a_broker_that_is_not_there_is_a_mistake_of_the_scenario() -> None:
    """A redis that the platform does not have is found before anything boots."""
    for wrong in ("casche", ["cache", "casche"], []):
        with pytest.raises(ScenarioError, match="is no redis of the platform"):
            graph_of(services={"orders": orders(redis=wrong)})


def test_settings_on_the_command_line_win() -> None:
    """`args: ["-s", mine]` is left alone; else the adapter adds the option."""
    assert arguments("o", ["-s", "mine"], "made") == ["o/standalone.py", "-s", "mine"]
    assert arguments("o", ["--settings=mine"], "made") == ["o/standalone.py", "--settings=mine"]
    assert arguments("o", ["--fork", "2"], "made") == ["o/standalone.py", "--fork", "2", "-s", "made"]
