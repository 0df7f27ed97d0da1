"""The engine: a private copy of fakeredis whose clock, dice and sets are the world's.

A copy, because fakeredis reads `time.time()` and `random` through its modules' globals. To patch those would
reach a user's own fakeredis in the same process, and would have to be undone; the copy is ours alone and is
never undone. It is loaded once a process by importing the package under an empty `sys.modules`, which leaves the
real `fakeredis`, imported or not, as it was.

The road not taken: `mock.patch` of `time.time` around every command (5 us, and still one global `random`).
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from typing import TYPE_CHECKING, Any

from meshsim.errors import UsageError

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    from fakeredis._commands import SUPPORTED_COMMANDS, Key, Signature, command
    from fakeredis._core import CommandItem, Database, FakeServer
    from fakeredis._helpers import OK, NoResponse, SimpleError, SimpleString
    from fakeredis._socket import FakeSocket

__all__ = [
    "OK",
    "SUPPORTED_COMMANDS",
    "CommandItem",
    "Database",
    "FakeServer",
    "FakeSocket",
    "Key",
    "NoResponse",
    "Signature",
    "SimpleError",
    "SimpleString",
    "Turn",
    "command",
    "module",
    "turn",
]


class Turn:
    """Whose command runs now: the engine's clock and dice are read through this, one server at a time."""

    __slots__ = ("clock", "random")

    clock: Callable[[], int]
    random: random.Random

    def time(self) -> float:
        """Stand for `time.time`: the server's clock in seconds since 1970, cut to the millisecond.

        Redis takes one millisecond clock a command, and its expiry is compared in milliseconds.
        """
        return (self.clock() // 1_000_000) / 1000


turn = Turn()


class _Time:
    """What the engine's modules see as `time`."""

    @staticmethod
    def time() -> float:
        return turn.time()

    @staticmethod
    def monotonic() -> float:
        return turn.time()


class _Random:
    """What the engine's modules see as `random`: the drawing methods of the current server's stream."""

    @staticmethod
    def seed(_value: object = None) -> None:
        """Ignore the engine's wish to reseed (TOPK does): the stream belongs to the world."""

    def __getattr__(self, name: str) -> Any:
        return getattr(turn.random, name)


_PACKAGE = "fakeredis"


def _load() -> dict[str, types.ModuleType]:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.submodule_search_locations is None:
        message = "the redis room needs fakeredis; install it with `pip install 'meshsim[redis]'`"
        raise UsageError(message)
    outside = {name: found for name, found in sys.modules.items() if name.partition(".")[0] == _PACKAGE}
    for name in outside:
        del sys.modules[name]
    # A bare package object keeps fakeredis/__init__ from importing its clients and its TCP server.
    package = types.ModuleType(_PACKAGE)
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules[_PACKAGE] = package
    try:
        importlib.import_module("fakeredis._socket")
        return {name: found for name, found in sys.modules.items() if name.partition(".")[0] == _PACKAGE}
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
            del sys.modules[name]
        sys.modules.update(outside)


_modules = _load()


def module(name: str) -> Any:
    """Return a module of the private copy, by its name inside the package: `module("_helpers")`."""
    return _modules[f"{_PACKAGE}.{name}"]


def _give_clock_and_dice() -> None:
    for found in _modules.values():
        for name, stand_in in (("time", _Time()), ("random", _Random())):
            if isinstance(found.__dict__.get(name), types.ModuleType):
                setattr(found, name, stand_in)


def _iterate_in_order(members: Any) -> Iterator[bytes]:
    # fakeredis builds a set here, whose order is the hash seed's. Members keep the order in which they came,
    # as in a small Redis set.
    members._expire_members()
    return iter(list(members._values))


def _order_what_was_a_set() -> None:
    module("model").ExpiringMembersSet.__iter__ = _iterate_in_order
    for owner in ("model._command_info", "model", "commands_mixins.acl_mixin"):
        original = module(owner).get_categories
        module(owner).get_categories = lambda original=original: sorted(original())


_WORDS = {
    "INVALID_EXPIRE_MSG": "ERR invalid expire time in '{}' command",
    "XGROUP_BUSYGROUP": "BUSYGROUP Consumer Group name already exists",
    "BITOP_NOT_ONE_KEY_ONLY": "ERR BITOP NOT must be called with a single source key.",
    "LPOS_RANK_CAN_NOT_BE_ZERO": (
        "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... "
        "or use negative to start from the end of the list"
    ),
    "NUMKEYS_GREATER_THAN_ZERO_MSG": "ERR numkeys should be greater than 0",
    "INVALID_MIN_MAX_STR_MSG": "ERR min or max not valid string range item",
    "ZUNIONSTORE_KEYS_MSG": "ERR at least 1 input key is needed for '{}' command",
}


def _reword_errors() -> None:
    """Give the engine Redis 7's words where its own differ: it looks them up by name when it raises."""
    for name, text in _WORDS.items():
        setattr(module("_msgs"), name, text)
    arguments = module("_command_args_parsing")
    arguments.DbIndex.decode = classmethod(_decode_database)
    arguments.Timeout.decode = classmethod(_decode_timeout)


def _decode_database(kind: Any, value: bytes) -> int:
    number: int = module("_command_args_parsing").Int.decode(value)
    if not kind.MIN_VALUE <= number <= kind.MAX_VALUE:
        raise SimpleError("ERR DB index is out of range")
    return number


def _decode_timeout(_kind: Any, value: bytes, *_args: Any, **_options: Any) -> float:
    seconds: float = module("_command_args_parsing").Float.decode(
        value, decode_error="ERR timeout is not a float or out of range"
    )
    if seconds < 0:
        raise SimpleError("ERR timeout is negative")
    return seconds


_give_clock_and_dice()
_order_what_was_a_set()
_reword_errors()

if not TYPE_CHECKING:
    SUPPORTED_COMMANDS = module("_commands").SUPPORTED_COMMANDS
    Key = module("_commands").Key
    Signature = module("_commands").Signature
    command = module("_commands").command
    CommandItem = module("_core").CommandItem
    Database = module("_core").Database
    FakeServer = module("_core").FakeServer
    OK = module("_helpers").OK
    NoResponse = module("_helpers").NoResponse
    SimpleError = module("_helpers").SimpleError
    SimpleString = module("_helpers").SimpleString
    FakeSocket = module("_socket").FakeSocket
