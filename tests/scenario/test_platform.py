"""The section `platform`: words, options and the stubs of what is outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def test_the_platform_says_all_it_can(load: Callable[..., Any]) -> None:
    """Every word and option arrives; nothing under a word means its defaults."""
    found = load("""\
platform:
  cache: {redis: {version: 7.10}}
  plain: {redis: }
  hub: {redis_sentinel: {master: cache, replicas: 1, replication_lag: 50ms..300ms}}
  bus: {kafka: {topics: [a]}}
  ledger: {attach: "127.0.0.1:5432"}
  other: {attach: {address: "db.internal:5432", port: 15432, patience: 5s}}
  stripe:
    external:
      host: api.stripe.com
      responses:
        - {match: "POST /v1/charges", reply: [{status: 201, json: {id: 1}, delay: 40ms}, {status: 503}]}
        - {match: /any/:id, reply: {body: hello, headers: {X-A: 1}}}
""")["platform"]
    by_name = {checked.values["name"]: checked.values for checked in found}
    assert by_name["cache"]["options"] == {"version": "7.10"}
    assert by_name["plain"]["options"] == {"version": "7.4"}
    assert by_name["hub"]["options"]["replication_lag"].text == "50ms..300ms"
    assert by_name["bus"]["options"] == {"topics": ["a"]}
    none = {"port": None, "patience": None, "limit": None}
    assert by_name["ledger"]["options"] == {**none, "address": "127.0.0.1:5432"}
    expected = {"address": "db.internal:5432", "port": 15432, "patience": 5_000_000_000}
    assert by_name["other"]["options"] == {**none, **expected}
    first, second = (response.values for response in by_name["stripe"]["options"]["responses"])
    assert [reply.values["status"] for reply in first["replies"]] == [201, 503]
    assert first["replies"][0].values["json"] == {"id": 1}
    assert second["replies"][0].values["headers"] == {"X-A": "1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("platform: [cache]", "1:11: platform: is a mapping, not a list of 1"),
        (
            "platform: {cache: redis}",
            "1:19: platform service 'cache' is a mapping, not 'redis': {redis: {}}?",
        ),
        (
            "platform: {cache: {}}",
            "1:12: platform service 'cache' has 0 words: exactly one of attach, external, kafka, redis",
        ),
        ("platform: {cache: {redis: {}, kafka: {}}}", "has 2 words"),
        (
            "platform: {cache: {rdis: {}}}",
            "1:20: platform service 'cache' has an unknown word 'rdis'; did you mean 'redis'?",
        ),
        (
            "platform: {cache: {redis: {verson: 1}}}",
            "1:28: platform service 'cache': redis: has no 'verson'; did you mean",
        ),
        (
            "platform: {hub: {redis_sentinel: {}}}",
            "1:34: platform service 'hub': redis_sentinel: lacks master:",
        ),
        ("platform: {hub: {redis_sentinel: {master: cace}}, cache: {redis: {}}}", "did you mean 'cache'?"),
        ("platform: {mail: {external: {}}}", "lacks host:"),
        ("platform: {ledger: {attach: }}", "1:28: platform service 'ledger': attach: lacks address:"),
        (
            "platform: {ledger: {attach: localhost}}",
            "1:29: 'localhost' is no HOST:PORT of a real server: 127.0.0.1:5432?",
        ),
        ('platform: {ledger: {attach: "db:70000"}}', "'db:70000' is no HOST:PORT"),
        ('platform: {ledger: {attach: {address: "db:1", limt: 1s}}}', "has no 'limt'; did you mean 'limit'"),
        (
            "platform: {mail: {external: {host: m.io, responses: [{match: charge, reply: {}}]}}}",
            "1:62: 'charge' is no HTTP operation",
        ),
        (
            "platform: {mail: {external: {host: m.io, responses: [{match: GET /, reply: {status: 99}}]}}}",
            "1:85: 99 is out of range: 100 to 599",
        ),
        (
            "platform: {mail: {external: {host: m.io, responses: [{match: /, reply: {json: 1, body: x}}]}}}",
            "which both say what is sent",
        ),
        (
            "platform: {mail: {external: {host: m.io, responses: [{match: GET /}]}}}",
            "1:54: a response lacks reply:",
        ),
        (
            "platform: {mail: {external: {host: m.io, responses: [{match: GET /, reply: []}]}}}",
            "1:76: a list of 0 where at least 1 is due",
        ),
        ("platform: {any: {redis: {}}}", "1:12: 'any' means something of its own"),
    ],
)
def test_a_wrong_platform_has_its_place(wrong: Callable[..., list[str]], text: str, expected: str) -> None:
    """Each mistake is reported at the key or value that is wrong, with what would be right."""
    assert any(expected in mistake for mistake in wrong(text)), wrong(text)
