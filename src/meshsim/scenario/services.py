"""The section `services`: what runs on the hosts, one adapter word each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshsim.core.names import RESERVED, is_name
from meshsim.scenario.fields import (
    Check,
    Checked,
    Field,
    Refused,
    check_mapping,
    parse_value,
    source_text,
    table,
)
from meshsim.scenario.inheritance import folder_of
from meshsim.scenario.nodes import Mapping, Node, Scalar, describe, to_python
from meshsim.scenario.parties import ServiceParty
from meshsim.scenario.references import Reference, parse_attribute, parse_program
from meshsim.scenario.values import latency, list_of, optional_duration, text, text_map, whole
from meshsim.scenario.words import (
    ADAPTERS,
    BROKER_OPTIONS,
    BROKERED,
    TARGET_OPTION,
    AdapterWord,
)

if TYPE_CHECKING:
    from meshsim.errors import Place

__all__ = ["FIELDS", "check_name", "check_services", "host_and_port"]

_ENV_NAME = re.compile(r"[^=\s\x00]+")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?(?::([0-9]{1,5}))?")
_PORT_MAX = 65_535


def _folder(node: Node, check: Check) -> str:
    folder = folder_of(node.place, check.base) / text(node, check)
    if not folder.is_dir():
        raise Refused(f"{text(node, check)!r} is no folder: {folder.resolve()}")
    return str(folder.resolve())


def host_and_port(node: Node, check: Check) -> str:
    """Parse `shop.example.com` or `shop.example.com:8443`."""
    written = text(node, check)
    match = _HOST.fullmatch(written)
    if match is None:
        without = written.split("://", 1)[-1].split("/", 1)[0]
        raise Refused(f"{written!r} is no host or host:port: {without}?")
    if match[1] and not 1 <= int(match[1]) <= _PORT_MAX:
        raise Refused(f"{written!r} has a port out of range: 1 to {_PORT_MAX}")
    return written


FIELDS = table(
    Field("path", _folder),
    Field("port", whole(1, _PORT_MAX)),
    Field("replicas", whole(1, 10_000), default=1),
    Field(
        "env", text_map("environment variables", lambda key: _ENV_NAME.fullmatch(key) is not None), default={}
    ),
    Field("args", list_of(text), default=()),
    Field("aliases", list_of(host_and_port), default=()),
    Field("concurrency", whole(1, 1_000_000)),
    Field("queue", whole(0, 1_000_000)),
    Field("processing", latency),
    Field("restart", optional_duration, into="restart_ns"),
    Field("isolate", list_of(text), default=()),
)


def check_name(name: str, place: Place, check: Check) -> None:
    """Report a name that no service or platform service can have."""
    if name in RESERVED:
        check.report(place, f"{name!r} means something of its own in a scenario: choose another name")
    elif not is_name(name):
        check.report(place, f"{name!r} cannot be a name: a letter, then letters, digits, _ . and -")


def check_services(node: Node, check: Check) -> tuple[Checked, ...]:
    """Check all services and tell `check.parties` of them."""
    if not isinstance(node, Mapping):
        raise Refused(f"services: is a mapping, not {describe(node)}: {{shop: {{wsgi: shop.app:app}}}}")
    found = []
    aliases: dict[str, str] = {}
    for name, place, value in node.items():
        check_name(name, place, check)
        if name in check.parties.platforms:
            check.report(place, f"{name!r} is a platform service already: two things cannot share a name")
        checked = _check_service(name, place, value, check)
        found.append(checked)
        for alias in checked.values["aliases"]:
            if (owner := aliases.setdefault(alias, name)) != name or alias in node.entries:
                other = owner if owner != name else alias
                check.report(place, f"the alias {alias!r} of {name!r} already leads to {other!r}")
    return tuple(found)


def _check_service(name: str, place: Place, node: Node, check: Check) -> Checked:
    what = f"service {name!r}"
    entries = node.entries if isinstance(node, Mapping) else {}
    words = [row for key in entries if key not in FIELDS and (row := check.words.adapter(key))]
    values = check_mapping(node, FIELDS, check, what, others=[*ADAPTERS, *(row.name for row in words)])
    if isinstance(node, Mapping) and not words:
        check.report(place, f"{what} has no adapter: one of {', '.join(check.words.adapters())}")
    elif len(words) > 1:
        second = entries[words[1].name].key_place
        named = " and ".join(row.name for row in words)
        check.report(second, f"{what} has {len(words)} adapters, {named}: exactly one")
    if values["queue"] is not None and values["concurrency"] is None:
        check.report(
            entries["queue"].key_place, f"{what} has a queue: but no concurrency:, so nothing ever waits"
        )
    values |= {"name": name, "adapter": "", "target": None, "options": {}, "option_places": {}}
    if words:
        _check_adapter(words[0], entries[words[0].name].value, values, check)
    brokers = tuple(name for key in BROKER_OPTIONS for name in _names(values["options"].get(key)))
    # Only this service's own words: a second adapter has been reported, and must not cause more.
    check.parties.services[name] = ServiceParty(
        place, words[0] if words else None, values["replicas"], brokers
    )
    return Checked(place, source_text(node), values)


def _check_adapter(word: AdapterWord, node: Node, values: dict[str, Any], check: Check) -> None:
    """Add the adapter's word, target and options to the values of its service."""
    values["path"] = values["path"] or str(folder_of(node.place, check.base))
    values["adapter"] = word.name
    folder = Path(values["path"])
    if word.plugin and isinstance(node, Mapping):
        options = to_python(node)
        values["options"] = options if isinstance(options, dict) else {}
        values["option_places"] = {key: value.place for key, _, value in node.items()}
        target = node.get(TARGET_OPTION)
    else:
        target = node
    if target is not None:
        values["target"] = parse_value(lambda inner, c: _target(word, inner, folder, c), target, check)
    if word.plugin:
        _check_brokers(word, node, values["options"], check)


def _target(word: AdapterWord, node: Node, folder: Path, check: Check) -> Reference:
    if isinstance(node, Scalar) and not isinstance(node.value, str | int | float | None):
        return Reference(node.text, folder=str(folder), value=node.value)
    if isinstance(node, Mapping):
        raise Refused(f"{word.name}: is module:attribute, not {describe(node)}; options stand beside it")
    written = text(node, check)
    return parse_program(written, folder) if word.program else parse_attribute(written, folder)


def _check_brokers(word: AdapterWord, node: Node, options: dict[str, Any], check: Check) -> None:
    """Check the platform services that a plugin's options name, or name the only one there is."""
    platforms = check.parties.platforms
    words = {"redis": "redis", "sentinel": "redis_sentinel"}
    named = [key for key in BROKER_OPTIONS if key in options]
    for key in named:
        place = node.get(key).place if isinstance(node, Mapping) else node.place  # type: ignore[union-attr]
        fit = sorted(name for name, kind in platforms.items() if kind == words[key])
        # A list is a ring: several servers, each of which takes a share.
        if not _names(options[key]) or not set(_names(options[key])) <= set(fit):
            there = (
                f": one of {', '.join(fit)}"
                if fit
                else f": the scenario has none, platform: {{{key}: {{{words[key]}: {{}}}}}}"
            )
            check.report(
                place, f"{word.name}: {key}: {options[key]!r} is no {words[key]} of the platform{there}"
            )
            del options[key]
    if len(named) > 1:
        check.report(
            node.place,
            f"{word.name}: names two brokers, redis: and sentinel:; the service meets its callers at one",
        )
    if named or word.name not in BROKERED:
        return
    servers = sorted(name for name, kind in platforms.items() if kind == "redis")
    if len(servers) == 1:
        options["redis"] = servers[0]
    else:
        which = f"one of {', '.join(servers)}" if servers else "but the platform has no redis"
        check.report(
            node.place,
            f"{word.name}: needs a broker, {word.name}: {{{TARGET_OPTION}: ..., redis: NAME}}: {which}",
        )


def _names(option: object) -> list[str]:
    """Return the names that a plugin's broker option gives: one, or several in a list."""
    if isinstance(option, list):
        return [str(name) for name in option]
    return [] if option is None else [str(option)]
