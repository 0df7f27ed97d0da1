"""From the words of a request to the engine's function: lookup, arity, arguments, and the errors of each.

The engine does this too, but words its errors in its own way and reads every signature anew. Here a signature
is compiled once for each number of arguments, and the errors are those of Redis 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim.transports.redis.engine import (
    SUPPORTED_COMMANDS,
    CommandItem,
    Key,
    Signature,
    SimpleError,
    module,
)
from meshsim.transports.redis.precedence import ARGUMENTS_FIRST, KEYS_FIRST, SCORED_KEYS, ZERO_WHEN_MISSING
from meshsim.transports.redis.shapes import SHAPES

if TYPE_CHECKING:
    from meshsim.transports.redis.database import MeshDatabase

__all__ = [
    "ALWAYS",
    "RUN",
    "Entry",
    "bind",
    "entries",
    "find",
    "shaped",
    "spellings",
    "unknown_command",
    "unknown_subcommand",
]

_WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
_LEAVE_UNCREATED = module("_msgs").FLAG_DO_NOT_CREATE
_KEEP_EMPTY = module("_msgs").FLAG_LEAVE_EMPTY_VAL
_NOT_IN_SCRIPTS = module("_msgs").FLAG_NO_SCRIPT
_IN_TRANSACTION = module("_msgs").FLAG_TRANSACTION

_MAX_ECHO_CHARS = 128


class Plan:
    """What has to be done to so many arguments of a command.

    Attributes:
        first: in order, either what converts an argument, or what a missing key replies: position, converter, reply.
        keys: position, the type that the key must have, and what makes the value of a missing one.
    """

    __slots__ = ("first", "keys")

    def __init__(self, types: list[Any], *, creates: bool) -> None:
        self.first: list[tuple[int, Any, Any]] = []
        self.keys: list[tuple[int, Any, Any]] = []
        for index, kind in enumerate(types):
            if not isinstance(kind, Key):
                if kind is not bytes:
                    self.first.append((index, kind.decode, None))
                continue
            if kind.missing_return is not Key.UNSPECIFIED:
                self.first.append((index, None, kind.missing_return))
            makes = kind.type_ if creates and kind.type_ is not bytes else None
            self.keys.append((index, kind.type_, makes))


class Entry:
    """One command, ready to run.

    Attributes:
        name: as the table has it, in lower case, a blank before the subcommand.
        words: how many words of a request are its name.
        writes: whether Redis flags it as a write, which a replica refuses.
        at_once: whether a transaction runs it instead of queueing it.
        from_scripts: whether a script may call it.
        removes_empty: whether a key whose value becomes empty goes away.
        since: the first version that has it.
        propagates: whether replicas get it although it writes no key.
    """

    __slots__ = (
        "_arity",
        "_plans",
        "at_once",
        "check_first",
        "from_scripts",
        "function",
        "keys_first",
        "looks_first",
        "name",
        "propagates",
        "removes_empty",
        "scored_at",
        "shape",
        "signature",
        "since",
        "words",
        "writes",
        "zero_when_missing",
    )

    def __init__(self, name: str, signature: Signature) -> None:
        self.name = name
        self.signature = signature
        self.function = signature.func_name
        self.words = name.count(" ") + 1
        self.writes = _is_write(name)
        self.at_once = _IN_TRANSACTION in signature.flags
        self.from_scripts = not _has_flag(name, b"noscript") and _NOT_IN_SCRIPTS not in signature.flags
        self.removes_empty = _KEEP_EMPTY not in signature.flags
        self.check_first = ARGUMENTS_FIRST.get(name)
        self.keys_first = name in KEYS_FIRST
        self.shape = SHAPES.get(name)
        self.scored_at = SCORED_KEYS.get(name)
        self.zero_when_missing = name in ZERO_WHEN_MISSING
        self.looks_first = bool(
            self.check_first or self.keys_first or self.zero_when_missing or self.scored_at is not None
        )
        info = module("model").get_command_info(name.encode())
        self._arity = info[1] if info is not None else None
        self.since = _SINCE.get(name, ALWAYS)
        self.propagates = name in _PROPAGATED
        self._plans: dict[int, Plan] = {}

    def plan(self, count: int) -> Plan:
        """Return what has to be done to `count` arguments.

        Raises:
            SimpleError: the command does not take so many arguments.
        """
        found = self._plans.get(count)
        if found is None:
            self.check_arity(count)
            repeat = self.signature.repeat
            types = list(self.signature.fixed)
            types += [repeat[index % len(repeat)] for index in range(count - len(types))]
            found = self._plans[count] = Plan(types, creates=_LEAVE_UNCREATED not in self.signature.flags)
        return found

    def check_queueing(self, count: int) -> None:
        """Refuse to queue what has too few or too many words; pairs are counted only when it runs."""
        words = count + self.words
        if self._arity is None:
            self.check_arity(count)
        elif words != self._arity if self._arity >= 0 else words < -self._arity:
            raise self._wrong_arity()

    def _wrong_arity(self) -> SimpleError:
        return SimpleError(f"ERR wrong number of arguments for '{self.name.replace(' ', '|')}' command")

    def check_arity(self, count: int) -> None:
        """Refuse a wrong number of arguments in Redis' words."""
        more = count - len(self.signature.fixed)
        repeat = len(self.signature.repeat)
        if more == 0 or (more > 0 and repeat and more % repeat == 0):
            return
        raise self._wrong_arity()


ALWAYS: tuple[int, ...] = (0,)
_PROPAGATED = frozenset({"publish", "spublish", "function load", "function delete", "function flush"})

_NEW_IN: dict[tuple[int, ...], str] = {
    (7, 2): "client setinfo|client no-touch",
    (7, 4): "hexpire|hexpireat|hexpiretime|hpersist|hpexpire|hpexpireat|hpexpiretime|hpttl|httl",
    (8, 0): "hgetdel|hgetex|hsetex",
    (8, 2): "xackdel|xdelex",
    (8, 4): "delex|digest|msetex",
    (8, 6): "xcfgset|xidmprecord",
    (
        8,
        8,
    ): "arcount|ardel|ardelrange|arget|argetrange|argrep|arinfo|arinsert|arlastitems|arlen|armget|armset|arnext|arop"
    "|arring|arscan|arseek|arset|blmovem|himport discard|himport discardall|himport prepare|himport set|increx|lmovem"
    "|saddex|sdiffcard|sunioncard|xnack",
}
_SINCE = {name: version for version, names in _NEW_IN.items() for name in names.split("|")}

_WRITES_UNLISTED = frozenset({"xgroup create", "xgroup destroy", "xgroup setid", "xgroup createconsumer"})


def _has_flag(name: str, flag: bytes) -> bool:
    info = module("model").get_command_info(name.encode())
    return info is not None and flag in info[2]


def _is_write(name: str) -> bool:
    return name in _WRITES_UNLISTED or _has_flag(name, b"write")


_entries: dict[str, Entry] = {}
spellings: dict[bytes, Entry] = {}
"""Commands of one word by their first word as clients wrote it: what `find` has found before."""
_containers: set[str] = set()


def entries() -> dict[str, Entry]:
    """Return every command of the server by its name; made when first asked for."""
    if not _entries:
        for name, signature in SUPPORTED_COMMANDS.items():
            if "redis" in signature.server_types:
                _entries[name] = Entry(name, signature)
        _containers.update(name.partition(" ")[0] for name in _entries if " " in name)
    return _entries


def find(fields: list[bytes]) -> Entry:
    """Return the command that a request names.

    Raises:
        SimpleError: there is no such command or subcommand, in Redis' words.
    """
    found = spellings.get(fields[0])
    if found is not None:
        return found
    table = entries()
    name = fields[0].decode("utf-8", "replace").lower()
    if name in _containers:
        return _find_sub(name, fields)
    if name not in table:
        raise unknown_command(fields)
    if len(spellings) < len(table) * 4:  # bounded: a client may spell a name in 2**n ways
        spellings[fields[0]] = table[name]
    return table[name]


def shaped(entry: Entry, reply: Any) -> Any:
    """Give a reply the type that Redis gives it; errors stay as they are."""
    return reply if entry.shape is None or isinstance(reply, SimpleError) else entry.shape(reply)


def _find_sub(name: str, fields: list[bytes]) -> Entry:
    if len(fields) == 1:
        if name in _entries and name == "command":
            return _entries[name]
        message = f"ERR wrong number of arguments for '{name}' command"
        raise SimpleError(message)
    sub = fields[1].decode("utf-8", "replace")
    found = _entries.get(f"{name} {sub.lower()}")
    if found is None:
        raise unknown_subcommand(name, sub)
    return found


def unknown_subcommand(container: str, sub: str) -> SimpleError:
    """Make the error for a word that a command with subcommands does not know."""
    return SimpleError(f"ERR unknown subcommand '{sub[:_MAX_ECHO_CHARS]}'. Try {container.upper()} HELP.")


def unknown_command(fields: list[bytes]) -> SimpleError:
    """Make the error for a command that does not exist, which repeats some of its arguments."""
    if fields[0].decode("utf-8", "replace").lower() in _containers and len(fields) > 1:
        return unknown_subcommand(fields[0].decode("utf-8", "replace"), fields[1].decode("utf-8", "replace"))
    echoed = ""
    for field in fields[1:]:
        if len(echoed) >= _MAX_ECHO_CHARS:
            break
        room = _MAX_ECHO_CHARS - len(echoed)
        echoed += f"'{field.decode('utf-8', 'replace')[:room]}' "
    name = fields[0].decode("utf-8", "replace")[:_MAX_ECHO_CHARS]
    return SimpleError(f"ERR unknown command '{name}', with args beginning with: {echoed}")


RUN = object()
"""What `bind` returns in place of a reply when the function has to be called."""


def bind(  # noqa: C901 - the hot path of every command, kept in one frame on purpose
    entry: Entry, arguments: list[bytes], database: MeshDatabase
) -> tuple[list[Any], list[CommandItem], Any]:
    """Turn the words of a request into what the engine's function takes.

    Returns:
        The arguments, the keys among them, and the reply that needs no call, or `RUN`.

    Raises:
        SimpleError: an argument does not parse, or a key holds another type.
    """
    plan = entry.plan(len(arguments))
    bound: list[Any] = list(arguments)
    if entry.looks_first:
        if entry.check_first is not None:
            entry.check_first(arguments)
        if entry.keys_first:
            _check_types(plan, arguments, database)
        if entry.scored_at is not None:
            _check_scored(entry.scored_at, arguments, database)
        if entry.zero_when_missing and arguments[0] not in database:
            return bound, [], 0
    for index, decode, missing in plan.first:
        if decode is not None:
            bound[index] = decode(arguments[index])
        elif arguments[index] not in database:
            return bound, [], missing
    items: list[CommandItem] = []
    for index, expected, makes in plan.keys:
        name = arguments[index]
        stored = database.get(name)
        database.touched[name] = database.time
        default = None
        if stored is None:
            if makes is not None:
                default = makes()
        elif expected is not None and type(stored.value) is not expected:
            raise SimpleError(_WRONG_TYPE)
        item = bound[index] = CommandItem(name, database, stored, default)
        items.append(item)
    return bound, items, RUN


def _check_types(plan: Plan, arguments: list[bytes], database: MeshDatabase) -> None:
    for index, expected, _ in plan.keys:
        stored = database.get(arguments[index])
        if stored is not None and expected is not None and type(stored.value) is not expected:
            raise SimpleError(_WRONG_TYPE)


_SCORED = (module("model").ZSet, module("model").ExpiringMembersSet)


def _check_scored(place: int, arguments: list[bytes], database: MeshDatabase) -> None:
    count = arguments[place]
    if count.isdigit():
        for name in arguments[place + 1 : place + 1 + int(count)]:
            stored = database.get(name)
            if stored is not None and not isinstance(stored.value, _SCORED):
                raise SimpleError(_WRONG_TYPE)
