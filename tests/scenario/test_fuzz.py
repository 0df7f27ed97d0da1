"""No text is too strange: the loader gives a document or its mistakes, never anything else."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshsim import graph, scenario
from meshsim.errors import ScenarioError
from meshsim.scenario.words import Words

WORDS = Words(frozenset({"pysoa"}), frozenset({"kafka"}))
TOKENS = st.sampled_from(
    [
        "services",
        "platform",
        "links",
        "faults",
        "workload",
        "expect",
        "cases",
        "extends",
        "seed",
        "duration",
        "epoch",
        "shop",
        "cache",
        "mail",
        "wsgi",
        "python",
        "pysoa",
        "redis",
        "redis_sentinel",
        "external",
        "host",
        "master",
        "responses",
        "match",
        "reply",
        "env",
        "args",
        "aliases",
        "queue",
        "processing",
        "default",
        "* -> cache",
        '"* -> cache"',
        "shop -> cache",
        "latency",
        "loss",
        "at",
        "for",
        "until",
        "every",
        "between",
        "when",
        "nth",
        "crash",
        "partition",
        "error",
        "delay",
        "failover",
        "to",
        "by",
        "add",
        "first",
        "name",
        "call",
        "run",
        "rate",
        "clients",
        "think",
        "count",
        "always",
        "calls",
        "per",
        "below",
        "p99",
        "window",
        "no unhandled errors",
        "1s",
        "10",
        "1:30",
        "1s..2s",
        "5%",
        "20/s",
        "poisson(20/s)",
        "lognormal(median=5ms, p99=40ms)",
        "samples(x.csv)",
        "shop POST /a/{id}",
        "json:dumps",
        "json.decoder",
        "sys",
        "x.py",
        "true",
        "null",
        "~",
        "007",
        "",
        "''",
        '"',
        ": ",
        ":",
        "\n",
        "\n  ",
        "\n    ",
        "- ",
        "-",
        "{",
        "}",
        "[",
        "]",
        ", ",
        ",",
        "&a ",
        "*a",
        "!t ",
        "|",
        ">",
        "#",
        "\t",
        "<<",
        "? ",
        "%",
        "@",
        "`",
        "---",
        "...",
        "\\",
        "é",
        "\u2028",
        "\x85",
        "\ufeff",
        "\x07",
        "'",
        "+faults",
        "0x",
        "1e9999",
    ]
)
# No lone surrogates: they cannot stand in a UTF-8 file.
PLAIN = st.characters(exclude_categories=["Cs"])
TEXTS = st.one_of(st.lists(TOKENS, max_size=40).map("".join), st.text(PLAIN, max_size=60))
KEYS = st.sampled_from(
    [
        "services",
        "platform",
        "links",
        "faults",
        "workload",
        "expect",
        "cases",
        "setup",
        "marks",
        "shop",
        "cache",
        "wsgi",
        "pysoa",
        "python",
        "redis",
        "redis_sentinel",
        "external",
        "kafka",
        "responses",
        "match",
        "reply",
        "env",
        "at",
        "for",
        "when",
        "crash",
        "partition",
        "latency",
        "error",
        "to",
        "name",
        "call",
        "rate",
        "calls",
        "exactly",
        "default",
        "shop -> cache",
        "queue",
        "aliases",
        "master",
        "host",
        "until",
        "server",
        "sentinel",
        "add",
        "every",
    ]
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), TOKENS, KEYS, st.just(object())
)
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4))
    ),
    max_size=5,
)


def judge(load: Any) -> None:
    """Load; a document must also become a graph; anything but ScenarioError fails the test."""
    mistakes = None
    try:
        graph.build(load())
    except ScenarioError as error:
        mistakes = error.mistakes
    assert mistakes is None or mistakes
    for mistake in mistakes or ():
        assert mistake.message
        assert min(mistake.place.line, mistake.place.column) >= 1


@given(TEXTS)
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_is_a_scenario_or_its_mistakes(tmp_path_factory: Any, text: str) -> None:
    """Whatever stands in a file, nothing but ScenarioError comes out."""
    file = tmp_path_factory.getbasetemp() / "text.mesh.yaml"
    file.write_text(text, encoding="utf-8", newline="")
    judge(lambda: scenario.load(file, registry=WORDS))


@given(TREES)
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
def test_any_dict_is_a_scenario_or_its_mistakes(tree: dict[str, Any]) -> None:
    """Whatever stands in a dict, nothing but ScenarioError comes out."""
    judge(lambda: scenario.load(tree, registry=WORDS))


@given(st.binary(max_size=60))
def test_any_bytes_are_a_scenario_or_its_mistakes(tmp_path_factory: Any, data: bytes) -> None:
    """Whatever bytes a file holds, nothing but ScenarioError comes out."""
    file = tmp_path_factory.getbasetemp() / "bytes.mesh.yaml"
    file.write_bytes(data)
    judge(lambda: scenario.load(file, registry=WORDS))
