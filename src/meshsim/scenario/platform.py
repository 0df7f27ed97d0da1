"""The section `platform`: what the services find already running, one word each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim.core.names import did_you_mean
from meshsim.core.operation import Operation, parse_operation
from meshsim.scenario.fields import (
    Check,
    Checked,
    Field,
    Refused,
    check_mapping,
    record,
    source_text,
    table,
)
from meshsim.scenario.nodes import Entry, Mapping, Node, Scalar, describe, to_python
from meshsim.scenario.services import check_name, host_and_port
from meshsim.scenario.values import anything, duration, latency, list_of, one_or_list, text, text_map, whole

if TYPE_CHECKING:
    from meshsim.errors import Place

__all__ = ["WORDS", "check_platform", "register_platform"]

_PORT_MAX = 65_535


def _http_operation(node: Node, check: Check) -> Operation:
    operation = parse_operation(text(node, check))
    if operation.path is None:
        raise Refused(f"{operation.text!r} is no HTTP operation: METHOD /path, as POST /v1/charges")
    return operation


def _master(node: Node, check: Check) -> str:
    name = text(node, check)
    servers = sorted(other for other, word in check.parties.platforms.items() if word == "redis")
    if name not in servers:
        raise Refused(f"{name!r} is no redis of the platform{did_you_mean(name, servers)}")
    return name


REPLY = table(
    Field("status", whole(100, 599), default=200),
    Field("json", anything),
    Field("body", text),
    Field("headers", text_map("headers", lambda key: bool(key.strip())), default={}),
    Field("delay", latency),
)


def _reply(node: Node, check: Check) -> Checked:
    checked: Checked = record(REPLY, "a reply")(node, check)
    if isinstance(node, Mapping) and {"json", "body"} <= set(node.entries):
        raise Refused("a reply has json: and body:, which both say what is sent: keep one")
    return checked


RESPONSE = table(
    Field("match", _http_operation, required=True),
    Field("reply", one_or_list(_reply, least=1), into="replies", default=(), required=True),
)


def _address(node: Node, check: Check) -> str:
    written = text(node, check)
    host, _, port = written.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) <= _PORT_MAX:
        raise Refused(f"{written!r} is no HOST:PORT of a real server: 127.0.0.1:5432?")
    return written


# What a word means whose value is no mapping: the value of this field.
SHORT = {"attach": "address"}
WORDS: dict[str, dict[str, Field]] = {
    "attach": table(
        Field("address", _address, required=True),
        Field("port", whole(1, _PORT_MAX)),
        Field("patience", duration),
        Field("limit", duration),
    ),
    "redis": table(Field("version", text, default="7.4")),
    "redis_sentinel": table(
        Field("master", _master, required=True),
        Field("replicas", whole(0, 100), default=2),
        Field("replication_lag", latency),
    ),
    "external": table(
        Field("host", host_and_port, required=True),
        Field("responses", list_of(record(RESPONSE, "a response")), default=()),
    ),
}


def register_platform(node: Node, check: Check) -> None:
    """Tell `check.parties` the names and words of the platform, before anybody refers to them."""
    if not isinstance(node, Mapping):
        return
    for name, place, value in node.items():
        word = next(iter(value.entries), "") if isinstance(value, Mapping) else ""
        check.parties.platforms[name] = word
        check.parties.platform_places[name] = place
        inner = value.get(word) if isinstance(value, Mapping) else None
        if (
            word == "redis_sentinel"
            and isinstance(inner, Mapping)
            and isinstance(inner.get("master"), Scalar)
        ):
            master = inner.get("master").text  # type: ignore[union-attr]
            check.parties.masters[name] = master
            check.parties.replicas[f"{master}-replica"] = _count(inner.get("replicas"))


def _count(node: Node | None) -> int:
    """Return how many replicas a Sentinel has; what is no number is told where it is checked."""
    return int(node.text) if isinstance(node, Scalar) and node.text.isdecimal() and int(node.text) else 1


def check_platform(node: Node, check: Check) -> tuple[Checked, ...]:
    """Check all platform services."""
    if not isinstance(node, Mapping):
        raise Refused(f"platform: is a mapping, not {describe(node)}: {{cache: {{redis: {{}}}}}}")
    found = []
    for name, place, value in node.items():
        check_name(name, place, check)
        found.append(_check_one(name, place, value, check))
    return tuple(found)


def _check_one(name: str, place: Place, node: Node, check: Check) -> Checked:
    what = f"platform service {name!r}"
    known = sorted(WORDS)
    if not isinstance(node, Mapping):
        meant = (
            f"{{{node.text}: {{}}}}?" if isinstance(node, Scalar) and node.text in WORDS else "{redis: {}}"
        )
        check.report(node.place, f"{what} is a mapping, not {describe(node)}: {meant}")
        return Checked(place, source_text(node), {"name": name, "word": "", "options": {}})
    if len(node.entries) != 1:
        all_words = ", ".join(sorted({*known, *check.words.platform_plugins()}))
        check.report(place, f"{what} has {len(node.entries)} words: exactly one of {all_words}")
    options: dict[str, Any] = {}
    word = ""
    for word, key_place, value in list(node.items())[:1]:
        empty = isinstance(value, Scalar) and value.is_null
        if word in WORDS:
            inner = Mapping(value.place, {}) if empty else value
            if word in SHORT and isinstance(inner, Scalar):
                inner = Mapping(value.place, {SHORT[word]: Entry(value.place, inner)})
            options = check_mapping(inner, WORDS[word], check, f"{what}: {word}:")
        elif check.words.is_platform_plugin(word):
            plain = to_python(value)
            options = plain if isinstance(plain, dict) else {} if empty else {word: plain}
        else:
            every = [*known, *check.words.platform_plugins()]
            check.report(key_place, f"{what} has an unknown word {word!r}{did_you_mean(word, every)}")
    return Checked(place, source_text(node), {"name": name, "word": word, "options": options})
