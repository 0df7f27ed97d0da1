"""The one form that names calls and hosts everywhere: `[CALLER ->] TARGET[/N] [OPERATION]`.

orders                        every replica of orders
orders/1, orders/any          one of them; `any` lets the seed pick
storefront -> orders          what storefront asks of orders
* -> cache                    what anybody asks of cache
stripe POST /v1/charges       one operation
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from meshsim.core.names import EVERYONE, is_name, split_host
from meshsim.core.operation import Operation, parse_operation
from meshsim.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CallLike", "Party", "Selector", "parse_party", "parse_selector"]

_ARROW = "->"


class CallLike(Protocol):
    """What a selector looks at: two host names and a concrete operation."""

    @property
    def caller(self) -> str:
        """The host that called, as `storefront/0`."""

    @property
    def target(self) -> str:
        """The host or the name that was called, as `orders/1` or `cache`."""

    @property
    def operation(self) -> str:
        """What was asked, as `POST /orders/17` or `place_order`."""


@dataclass(frozen=True, slots=True)
class Party:
    """One end of a call: a name, perhaps one replica of it."""

    name: str
    index: int | None = None
    any_replica: bool = False

    def matches(self, host: str) -> bool:
        """Say whether `host` (`orders/1`, `cache`, or a bare service name) is this party."""
        if self.name == EVERYONE:
            return True
        name, index = split_host(host)
        # A call that reached no replica is still a call to the service: only a stated index excludes.
        return name == self.name and (self.index is None or index == self.index)

    def hosts(self, known: Iterable[str]) -> tuple[str, ...]:
        """Return those of the `known` host names that this party means, in their order."""
        return tuple(host for host in known if self.matches(host))

    def __str__(self) -> str:
        if self.any_replica:
            return f"{self.name}/any"
        return self.name if self.index is None else f"{self.name}/{self.index}"


@dataclass(frozen=True, slots=True)
class Selector:
    """A family of calls, or of hosts when no operation and no caller is named."""

    target: Party
    caller: Party | None = None
    operation: Operation | None = None

    @property
    def text(self) -> str:
        """The selector in its normal form, as `parse_selector` reads it."""
        caller = f"{self.caller} {_ARROW} " if self.caller else ""
        return f"{caller}{self.target}" + (f" {self.operation.text}" if self.operation else "")

    def matches(self, caller: str, target: str, operation: str) -> bool:
        """Say whether a call from host `caller` to host `target` for a concrete `operation` is meant."""
        return (
            self.target.matches(target)
            and (self.caller is None or self.caller.matches(caller))
            and (self.operation is None or self.operation.matches(operation))
        )

    def matches_call(self, call: CallLike) -> bool:
        """Say whether `call` is meant."""
        return self.matches(call.caller, call.target, call.operation)

    def __str__(self) -> str:
        return self.text


def parse_party(text: str) -> Party:
    """Return the party that `orders`, `orders/1`, `orders/any` or `*` names. Raises UsageError otherwise."""
    name, slash, replica = text.partition("/")
    if name != EVERYONE and not is_name(name):
        raise UsageError(f"{text!r} is not the name of a service: letters, digits, _ . and -")
    if not slash:
        return Party(name)
    if name == EVERYONE:
        raise UsageError(f"{text!r} picks a replica of everybody: name the service")
    if replica == "any":
        return Party(name, any_replica=True)
    if not (replica.isascii() and replica.isdecimal()) or len(replica) > 6:
        raise UsageError(f"{text!r} names no replica: {name}/0, or {name}/any for one that the seed picks")
    return Party(name, int(replica))


def parse_selector(text: str) -> Selector:
    """Return the selector that `text` says. Raises UsageError with the value and what would be right."""
    caller_text, arrow, rest = text.partition(_ARROW)
    if not arrow:
        caller_text, rest = "", text
    elif _ARROW in rest:
        raise UsageError(f"{text!r} has two arrows: CALLER -> TARGET [OPERATION]")
    target_text, _, operation_text = rest.strip().partition(" ")
    if not target_text:
        raise UsageError(f"{text!r} names no target: [CALLER ->] TARGET[/N] [OPERATION]")
    if arrow and not caller_text.strip():
        raise UsageError(f'{text!r} has nobody before the arrow: "* -> {target_text}"?')
    operation_text = operation_text.strip()
    return Selector(
        parse_party(target_text),
        parse_party(caller_text.strip()) if arrow else None,
        parse_operation(operation_text) if operation_text else None,
    )
