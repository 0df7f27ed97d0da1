"""The section `services`: what is read and what is refused, each at its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CACHE = (
    "platform: {cache: {redis: {}}, hub: {redis_sentinel: {master: cache}}, mail: {external: {host: m.io}}}\n"
)


def test_a_service_says_all_it_can(load: Callable[..., Any], project: Path) -> None:
    """Every key of a service arrives, texts as they were written."""
    (checked,) = load("""\
services:
  shop:
    wsgi: shop.app:app
    path: .
    port: 8080
    replicas: 2
    env: {URL: "http://orders", BUILD: 007, V: 1.50, ON: true}
    args: ["--verbose", -3]
    aliases: [shop.example.com, "shop.example.com:8443"]
    concurrency: 4
    queue: 100
    processing: lognormal(median=5ms p99=40ms)
    restart: 2s
    isolate: [shop]
""")["services"]
    values = checked.values
    assert values.pop("target").module == "shop.app"
    assert values.pop("processing").text == "lognormal(median=5ms p99=40ms)"
    assert values == {
        "name": "shop", "adapter": "wsgi", "path": str(project), "port": 8080, "replicas": 2,
        "env": {"URL": "http://orders", "BUILD": "007", "V": "1.50", "ON": "true"},
        "args": ("--verbose", "-3"),
        "aliases": ("shop.example.com", "shop.example.com:8443"), "concurrency": 4, "queue": 100,
        "restart_ns": 2 * 10**9, "isolate": ("shop",), "options": {}, "option_places": {},
    }  # fmt: skip


def test_the_defaults_are_one_replica_and_no_limit(load: Callable[..., Any], project: Path) -> None:
    """What is not said is left open: the adapter's port, no limits, no restart, the scenario's folder."""
    values = load("services: {tool: {python: tool, restart: never}}")["services"][0].values
    assert (values["port"], values["replicas"], values["concurrency"], values["restart_ns"]) == (
        None,
        1,
        None,
        None,
    )
    assert values["path"] == str(project)


@pytest.mark.parametrize(
    ("program", "module", "attribute", "script"),
    [
        ("tool:main", "tool", "main", None),
        ("shop.app", "shop.app", None, None),
        ("tool.py", None, None, "tool.py"),
    ],
)
def test_python_runs_functions_modules_and_scripts(
    load: Callable[..., Any], project: Path, program: str, module: str, attribute: str, script: str
) -> None:
    """The adapter python takes a function, a module or a script."""
    target = load(f'services: {{tool: {{python: "{program}"}}}}')["services"][0].values["target"]
    assert (target.module, target.attribute) == (module, attribute)
    assert target.script == (script and str(project / script))


def test_a_plugin_has_options_of_its_own(load: Callable[..., Any]) -> None:
    """A plugin's adapter takes text or a mapping, which is handed on with its places."""
    values = load(
        CACHE + 'services: {orders: {pysoa: {server: "orders.server:Server", redis: cache, x: {y: 1}}}}'
    )
    service = values["services"][0].values
    assert service["target"].text == "orders.server:Server"
    assert service["options"] == {"server": "orders.server:Server", "redis": "cache", "x": {"y": 1}}
    assert str(service["option_places"]["x"]) == "x.mesh.yaml:2:78"


def test_the_only_redis_is_the_broker(load: Callable[..., Any]) -> None:
    """A service behind a broker meets its callers at the only redis when it names none."""
    service = load(CACHE + 'services: {orders: {pysoa: "orders.server:Server"}}')["services"][0].values
    assert service["options"] == {"redis": "cache"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "services: {shop: {}}",
            "1:12: service 'shop' has no adapter: one of asgi, grpc, pysoa, python, wsgi",
        ),
        (
            'services: {shop: {wsgi: "shop.app:app", asgi: "stock:app"}}',
            "1:41: service 'shop' has 2 adapters, wsgi and asgi: exactly one",
        ),
        (
            'services: {shop: {wsgi: "shop.app:app", pysoa: "stock:app"}}',
            "1:41: service 'shop' has 2 adapters, wsgi and pysoa: exactly one",
        ),
        (
            "services: {shop: {wsgl: 'shop.app:app'}}",
            "1:19: service 'shop' has no 'wsgl'; did you mean 'wsgi'?",
        ),
        ("services: {shop: {soap: 'shop.app:app'}}", "1:12: service 'shop' has no adapter"),
        ("services: [shop]", "1:11: services: is a mapping, not a list of 1"),
        ("services: {shop: shop.app}", "1:18: service 'shop' is a mapping, not 'shop.app'"),
        ('services: {shop: {wsgi: "shop.app"}}', "1:25: 'shop.app' names no attribute: shop:app?"),
        ('services: {shop: {wsgi: "shp.app:app"}}', "there is no module 'shp' in"),
        ('services: {shop: {wsgi: "shp.app:app"}}', "did you mean 'shop'?"),
        ('services: {shop: {wsgi: "shop.ap:app"}}', "there is no module 'ap' in shop; did you mean 'app'?"),
        (
            'services: {shop: {wsgi: "stock.app:app"}}',
            "there is no module 'app' in stock; stock is not a package",
        ),
        ('services: {shop: {wsgi: "shop.app:1"}}', "is not module:attribute"),
        ("services: {shop: {wsgi: }}", "1:24: nothing where text is due"),
        ("services: {shop: {wsgi: {app: x}}}", "1:25: wsgi: is module:attribute, not a mapping (app)"),
        ("services: {tool: {python: tols.py}}", "there is no script 'tols.py'"),
        ("services: {tool: {python: a-b}}", "is no program"),
        ("services: {tool: {python: tool, path: ./nowhere}}", "1:39: './nowhere' is no folder"),
        ("services: {tool: {python: tool, port: 99999}}", "1:39: 99999 is out of range: 1 to 65535"),
        ("services: {tool: {python: tool, port: http}}", "1:39: 'http' is not a whole number"),
        ("services: {tool: {python: tool, replicas: 0}}", "1:43: 0 is out of range"),
        ("services: {tool: {python: tool, restart: 2}}", "1:42: '2' is not a duration: 2s?"),
        ("services: {tool: {python: tool, processing: 1:30}}", "1:45: '1:30' is not a duration: 1m30s?"),
        (
            "services: {tool: {python: tool, processing: lognormal(median=5ms, p99=40ms)}}",
            "1:45: 'lognormal(median=5ms' is cut off: a comma ends plain text inside {...}",
        ),
        (
            "services: {tool: {python: tool, queue: 5}}",
            "1:33: service 'tool' has a queue: but no concurrency:",
        ),
        (
            "services: {tool: {python: tool, env: [A]}}",
            "1:38: a list of 1 where environment variables are due",
        ),
        ("services: {tool: {python: tool, env: {A: [1]}}}", "1:42: a list of 1 where text is due"),
        ("services: {tool: {python: tool, env: {A: }}}", '1:41: nothing where text is due: write it, or ""'),
        ("services: {tool: {python: tool, env: {A=B: 1}}}", "1:39: 'A=B' cannot be the name"),
        ("services: {tool: {python: tool, args: -v}}", "1:39: '-v' where a list is due"),
        (
            "services: {tool: {python: tool, aliases: [http://x.io/a]}}",
            "1:43: 'http://x.io/a' is no host or host:port: x.io?",
        ),
        ("services: {tool: {python: tool, aliases: [x.io:99999]}}", "port out of range"),
        (
            "services: {tool: {python: tool, aliases: [a.io]}, too: {python: tool, aliases: [a.io]}}",
            "1:51: the alias 'a.io' of 'too' already leads to 'tool'",
        ),
        (
            "services: {tool: {python: tool, aliases: [too]}, too: {python: tool}}",
            "the alias 'too' of 'tool'",
        ),
        ("services: {test: {python: tool}}", "1:12: 'test' means something of its own"),
        ("services: {9a: {python: tool}}", "1:12: '9a' cannot be a name"),
        (CACHE + "services: {cache: {python: tool}}", "2:12: 'cache' is a platform service already"),
        (
            CACHE + 'services: {o: {pysoa: {server: "orders.server:S", redis: cahe}}}',
            "2:58: pysoa: redis: 'cahe' is no redis of the platform: one of cache",
        ),
        (CACHE + 'services: {o: {pysoa: {server: "orders.server:S", sentinel: cache}}}', "one of hub"),
        (
            CACHE + 'services: {o: {pysoa: {server: "orders.server:S", sentinel: hub, redis: cache}}}',
            "names two brokers",
        ),
        (
            CACHE + 'services: {o: {pysoa: {server: "orders.sever:S", redis: cache}}}',
            "did you mean 'server'?",
        ),
        ('services: {o: {pysoa: "orders.server:S"}}', "needs a broker"),
    ],
)
def test_a_wrong_service_has_its_place(wrong: Callable[..., list[str]], text: str, expected: str) -> None:
    """Each mistake is reported at the key or value that is wrong, with what would be right."""
    assert any(expected in mistake for mistake in wrong(text)), wrong(text)


def test_a_comma_in_a_call_is_one_mistake(wrong: Callable[..., list[str]]) -> None:
    """The pieces that a comma leaves of a call are not also reported as unknown keys; what follows is."""
    cut, unknown = wrong(
        "services: {tool: {python: tool, processing: normal(mean=5ms, sd=1ms, x=1), prot: 80}}"
    )
    assert "is cut off" in cut
    assert unknown.startswith("1:76: service 'tool' has no 'prot'")


def test_a_broker_is_not_guessed_among_two(wrong: Callable[..., list[str]]) -> None:
    """Where two could be the broker, the service must name one."""
    (mistake,) = wrong("""\
platform: {cache: {redis: {}}, other: {redis: {}}}
services: {orders: {pysoa: "orders.server:Server"}}
""")
    assert mistake == ("2:28: pysoa: needs a broker, pysoa: {server: ..., redis: NAME}: one of cache, other")


def test_all_mistakes_come_at_once(wrong: Callable[..., list[str]]) -> None:
    """Every mistake of a file is reported in one go, in the order of the lines."""
    found = wrong('services:\n  a: {wsgi: "x:y", prot: 1}\n  b: {}\nseed: x\nfaults: [{at: 1, crash: c}]\n')
    assert [mistake.split(" ")[0] for mistake in found] == [
        "2:13:",
        "2:20:",
        "3:3:",
        "4:7:",
        "5:15:",
        "5:25:",
    ]
