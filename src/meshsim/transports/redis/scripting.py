"""The Lua that scripts see, one interpreter a server: Redis 7's globals, its errors, its fixed random numbers.

The engine's own interpreter compiles every script anew at each call, collects garbage after it, and leaves `os`,
`io` and `python` in reach of the script. This one compiles once, and what is not in Redis is not here. Two
libraries of Redis are missing, `cmsgpack` and `struct`: a script that names them gets Redis' own error for a
global that does not exist.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import math
import operator
from typing import TYPE_CHECKING, Any

import lupa

from meshsim.transports.redis.cjson import decode as cjson_decode
from meshsim.transports.redis.cjson import encode as cjson_encode
from meshsim.transports.redis.engine import SimpleError
from meshsim.transports.redis.prelude import PRELUDE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["CallFailed", "ScriptEngine", "ScriptFailed"]

with lupa.allow_lua_module_loading():
    from lupa import lua51

_log = logging.getLogger("meshsim.redis")
_LEVELS = {0: logging.DEBUG, 1: logging.INFO, 2: logging.INFO, 3: logging.WARNING}

_RANDOM_MAX = 2**31 - 1


class CallFailed(Exception):  # noqa: N818  an outcome inside a script, which may catch it
    """What a script called refused: an error of Redis, or one of Lua that gets the script's line in front."""

    def __init__(self, text: str, *, of_lua: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.of_lua = of_lua


class ScriptFailed(Exception):  # noqa: N818  an outcome of a script, turned into a reply
    """A script raised; `text` is the error with its place, as Redis words it."""

    def __init__(self, text: str, line: int | None) -> None:
        super().__init__(text)
        self.text = text
        self.line = line


class ScriptEngine:
    """One server's Lua.

    Args:
        version: the server's version, for `redis.REDIS_VERSION`.
        call: what `redis.call` does; takes the words of a command, gives what Lua gets.
        setresp: what `redis.setresp` does.
    """

    def __init__(self, version: str, call: Callable[..., Any], setresp: Callable[[int], None]) -> None:
        runtime = lua51.LuaRuntime(
            encoding=None, unpack_returned_tuples=True, register_eval=False, register_builtins=False
        )
        self._table_from: Any = runtime.table_from
        self._null = object()
        # What drand48 begins with; scripts share the sequence, as they do in Redis.
        self.random_state = 0x1234ABCD330E
        number = int("".join(f"{int(part):02x}" for part in [*version.split("."), "0", "0"][:3]), 16)

        def raising(*words: Any) -> Any:
            reply = call(*words) if words else SimpleError(_NO_WORDS)
            if isinstance(reply, SimpleError):
                raise CallFailed(reply.value)
            return reply

        def catching(*words: Any) -> Any:
            reply = call(*words) if words else SimpleError(_NO_WORDS)
            if isinstance(reply, SimpleError):
                return runtime.table_from({b"err": reply.value.encode("utf-8", "replace")})
            return reply

        callbacks = {
            b"version": version.encode(), b"version_number": number, b"call": raising, b"pcall": catching,
            b"setresp": _checked_setresp(setresp), b"error_text": _error_text, b"error_of": _error_of,
            b"sha1hex": _sha1hex, b"log": self._write_log, b"random": self._random, b"randomseed": self._seed_random,
            b"bit": _bit, b"null": self._null, b"cjson_encode": self._encode, b"cjson_decode": self._decode,
        }  # fmt: skip
        self._compile, self._run = runtime.execute(PRELUDE, runtime.table_from(callbacks))
        self._compiled: dict[bytes, Any] = {}

    def compile(self, digest: bytes, script: bytes) -> Any:
        """Return the script's function.

        Raises:
            SimpleError: it is not Lua.
        """
        found = self._compiled.get(digest)
        if found is None:
            # A shebang line is Redis' own; it stays as an empty line so that line numbers hold.
            source = b"--" + script if script.startswith(b"#!") else script
            made = self._compile(source)
            if isinstance(made, tuple):
                message = f"ERR Error compiling script (new function): {made[1].decode('utf-8', 'replace')}"
                raise SimpleError(message)
            found = self._compiled[digest] = made
        return found

    def forget(self) -> None:
        """Drop every compiled script."""
        self._compiled.clear()

    def run(self, body: Any, keys: Sequence[bytes], arguments: Sequence[bytes]) -> Any:
        """Run a compiled script and return what it returned, in Lua's types.

        Raises:
            ScriptFailed: it raised an error.
        """
        run: Any = self._run
        result: Any
        outcome = run(body, self._table_from(keys), self._table_from(arguments))
        ok, result = (outcome[0], outcome[1]) if isinstance(outcome, tuple) else (outcome, None)
        if ok:
            return result
        text = result[b"err"]
        text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        raise ScriptFailed(text, result[b"line"])

    def to_lua(self, reply: Any) -> Any:
        """Make a Lua table of a list or a dict."""
        return self._table_from(reply)

    @staticmethod
    def is_table(value: Any) -> bool:
        """Whether a value of Lua is a table."""
        return bool(lua51.lua_type(value) == "table")

    # -- redis.* and math.*

    def _seed_random(self, *seed: Any) -> None:
        self.random_state = ((int(seed[0]) & 0xFFFFFFFF) << 16) + 0x330E

    def _random(self, *bounds: Any) -> float:
        # drand48, as Redis ships it: scripts draw the same numbers on every server.
        self.random_state = (self.random_state * 0x5DEECE66D + 0xB) & 0xFFFFFFFFFFFF
        drawn = ((self.random_state >> 17) % _RANDOM_MAX) / _RANDOM_MAX
        if not bounds:
            return drawn
        low, high = (1, int(bounds[0])) if len(bounds) == 1 else (int(bounds[0]), int(bounds[1]))
        if low > high:
            message = f"bad argument #{len(bounds)} to 'random' (interval is empty)"
            raise CallFailed(message, of_lua=True)
        return math.floor(drawn * (high - low + 1)) + low

    @staticmethod
    def _write_log(level: float, text: bytes) -> None:
        _log.log(_LEVELS[int(level)], "%s", text.decode("utf-8", "replace"))

    def _encode(self, *values: Any) -> bytes:
        try:
            return cjson_encode(values[0] if values else None, self._null, lua51.lua_type)
        except ValueError as error:
            raise CallFailed(str(error), of_lua=True) from error

    def _decode(self, *values: Any) -> Any:
        try:
            return cjson_decode(values[0] if values else b"", self._null, self._table_from)
        except ValueError as error:
            raise CallFailed(str(error), of_lua=True) from error


_NO_WORDS = "ERR Please specify at least one argument for this redis lib call"


def _checked_setresp(setresp: Callable[[int], None]) -> Callable[..., None]:
    def checked(*versions: Any) -> None:
        if len(versions) != 1:
            raise CallFailed("ERR redis.setresp() requires one argument.")
        if versions[0] not in {2, 3, b"2", b"3"}:
            raise CallFailed("ERR RESP version must be 2 or 3.")
        setresp(int(versions[0]))

    return checked


def _error_of(error: BaseException) -> tuple[bytes, bool]:
    if isinstance(error, CallFailed):
        return error.text.encode("utf-8", "replace"), error.of_lua
    return f"ERR internal error of the simulated Redis: {error!r}".encode(), False


def _error_text(text: bytes) -> bytes:
    text = text.removeprefix(b"-")
    # Redis 7: text without a code in front counts as ERR.
    return text if b" " in text else b"ERR " + text


def _sha1hex(*texts: Any) -> bytes:
    if len(texts) != 1:
        raise CallFailed("ERR wrong number of arguments")
    text = texts[0] if isinstance(texts[0], bytes) else str(texts[0]).encode()
    return hashlib.sha1(text, usedforsecurity=False).hexdigest().encode()


def _rotate(word: int, count: int) -> int:
    return word << count | word >> (32 - count)


def _tohex(word: int, digits: int = 8) -> bytes:
    text = b"%08x" % word if digits >= 0 else b"%08X" % word
    return text[-min(abs(digits), 8) :]


_BITS: dict[bytes, Callable[..., int]] = {
    b"tobit": lambda word: word,
    b"bnot": lambda word: ~word,
    b"band": lambda *words: functools.reduce(operator.and_, words),
    b"bor": lambda *words: functools.reduce(operator.or_, words),
    b"bxor": lambda *words: functools.reduce(operator.xor, words),
    b"lshift": lambda word, count: word << (count & 31),
    b"rshift": lambda word, count: word >> (count & 31),
    b"arshift": lambda word, count: (word - ((word & 0x80000000) << 1)) >> (count & 31),
    b"rol": lambda word, count: _rotate(word, count & 31),
    b"ror": lambda word, count: _rotate(word, -count & 31),
    b"bswap": lambda word: int.from_bytes(word.to_bytes(4, "little"), "big"),
}


def _bit(name: bytes, *values: Any) -> Any:
    """Do what LuaJIT's `bit` does: on 32 bits, with a signed result."""
    if name == b"tohex":
        return _tohex(int(values[0]) & 0xFFFFFFFF, *map(int, values[1:2]))
    result = _BITS[name](*(int(value) & 0xFFFFFFFF for value in values)) & 0xFFFFFFFF
    return result - ((result & 0x80000000) << 1)
