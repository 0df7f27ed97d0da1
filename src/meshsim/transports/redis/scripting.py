"""The Lua that scripts see, one interpreter a server: Redis 7's globals, its errors, its fixed random numbers.

The engine's own interpreter compiles every script anew at each call, collects garbage after it, and leaves `os`,
`io` and `python` in reach of the script. This one compiles once, and what is not in Redis is not here. Two
libraries of Redis are missing, `cmsgpack` and `struct`: a script that names them gets Redis' own error for a
global that does not exist.
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any

import lupa

from meshsim.transports.redis.cjson import decode as cjson_decode
from meshsim.transports.redis.cjson import encode as cjson_encode
from meshsim.transports.redis.engine import SimpleError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["ScriptEngine", "ScriptFailed"]

with lupa.allow_lua_module_loading():
    from lupa import lua51

_log = logging.getLogger("meshsim.redis")
_LEVELS = {0: logging.DEBUG, 1: logging.INFO, 2: logging.INFO, 3: logging.WARNING}

_PRELUDE = b"""
local py = ...
local getinfo, loadstring_, xpcall_, type_, error_, rawset_ = debug.getinfo, loadstring, xpcall, type, error, rawset
local select_, tostring_, getmetatable_ = select, tostring, getmetatable
local setfenv_ = setfenv
-- Scripts get a table of globals of their own: lupa itself still needs `debug` in the real one.
local globals = {}
for _, name in ipairs({'assert', 'collectgarbage', 'error', 'getmetatable', 'ipairs', 'next', 'pairs', 'pcall',
                       'rawequal', 'rawget', 'rawset', 'select', 'setmetatable', 'tonumber', 'type', 'unpack',
                       'xpcall', 'math', 'string', 'table', '_VERSION'}) do
  globals[name] = _G[name]
end
globals._G = globals

local function fail(text) error_({err = text}) end

local redis = {
  LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
  REPL_NONE = 0, REPL_AOF = 1, REPL_SLAVE = 2, REPL_REPLICA = 2, REPL_ALL = 3,
  REDIS_VERSION = py.version, REDIS_VERSION_NUM = py.version_number,
}
function redis.pcall(...)
  if select_('#', ...) == 0 then return {err = 'ERR Please specify at least one argument for this redis lib call'} end
  return py.call(...)
end
function redis.call(...)
  if select_('#', ...) == 0 then fail('ERR Please specify at least one argument for this redis lib call') end
  local reply = py.call(...)
  if type_(reply) == 'table' and reply.err then error_(reply) end
  return reply
end
function redis.status_reply(text)
  if type_(text) ~= 'string' then return {err = 'ERR wrong number or type of arguments'} end
  return {ok = text}
end
function redis.error_reply(text)
  if type_(text) ~= 'string' then return {err = 'ERR wrong number or type of arguments'} end
  return {err = py.error_text(text)}
end
function redis.sha1hex(...)
  if select_('#', ...) ~= 1 then fail('ERR wrong number of arguments') end
  return py.sha1hex(tostring_((...)))
end
function redis.log(level, ...)
  if select_('#', ...) == 0 then fail('ERR redis.log() requires two arguments or more.') end
  if type_(level) ~= 'number' then fail('ERR First argument must be a number (log level).') end
  if level < 0 or level > 3 then fail('ERR Invalid log level.') end
  local parts = {...}
  for index = 1, #parts do parts[index] = globals.tostring(parts[index]) end
  py.log(level, table.concat(parts, ' '))
end
function redis.setresp(...)
  if select_('#', ...) ~= 1 then fail('ERR redis.setresp() requires one argument.') end
  local version = tonumber((...))
  if version ~= 2 and version ~= 3 then fail('ERR RESP version must be 2 or 3.') end
  py.setresp(version)
end
function redis.replicate_commands() return true end
function redis.set_repl() end
function redis.breakpoint() return false end
function redis.debug() end

local function guarded(name, arity)
  local wrapped = py[name]
  return function(...)
    local ok, value = wrapped(...)
    if not ok then error_(value, 2) end
    return value
  end
end
globals.redis = redis
globals.cjson = {encode = guarded('cjson_encode'), decode = guarded('cjson_decode'), null = py.null}
local bit = {}
globals.bit = bit
for _, name in ipairs({'tobit', 'bnot', 'band', 'bor', 'bxor', 'lshift', 'rshift', 'arshift', 'rol', 'ror', 'bswap',
                       'tohex'}) do
  local operate = py.bit
  bit[name] = function(...) return operate(name, ...) end
end

math.randomseed = function(seed) py.randomseed(seed) end
math.random = function(low, high)
  local drawn = py.random()
  if not low then return drawn end
  if not high then low, high = 1, low end
  low, high = math.floor(low), math.floor(high)
  if low > high then error_("bad argument #1 to 'random' (interval is empty)", 2) end
  return math.floor(drawn * (high - low + 1)) + low
end

-- An address must not reach a script: tables and functions are numbered as they are printed.
local numbers, count = setmetatable({}, {__mode = 'k'}), 0
globals.tostring = function(value)
  local kind = type_(value)
  if kind ~= 'table' and kind ~= 'function' and kind ~= 'userdata' and kind ~= 'thread' then return tostring_(value) end
  local meta = getmetatable_(value)
  if type_(meta) == 'table' and meta.__tostring then return tostring_(value) end
  if not numbers[value] then count = count + 1; numbers[value] = count end
  return string.format('%s: 0x%012x', kind, numbers[value])
end

local handler = function(err)
  if type_(err) ~= 'table' then err = {err = 'ERR ' .. tostring_(err)} end
  for level = 2, 20 do
    local info = getinfo(level, 'Sl')
    if not info then break end
    if info.source == '@user_script' then
      err.source, err.line = info.source, info.currentline
      break
    end
  end
  return err
end

setmetatable(globals, {
  __index = function(_, name)
    error_("Script attempted to access nonexistent global variable '" .. tostring_(name) .. "'", 2)
  end,
  __newindex = function() error_('Attempt to modify a readonly table', 2) end,
})
rawset_(globals, 'KEYS', {})
rawset_(globals, 'ARGV', {})

local function compile(source)
  local body, problem = loadstring_(source, '@user_script')
  if not body then return nil, problem end
  return setfenv_(body, globals)
end
rawset_(globals, 'loadstring', function(source, name)
  local body, problem = loadstring_(source, name)
  if not body then return nil, problem end
  return setfenv_(body, globals)
end)
local function run(body, keys, argv)
  rawset_(globals, 'KEYS', keys)
  rawset_(globals, 'ARGV', argv)
  return xpcall_(body, handler)
end
return compile, run
"""

_RANDOM_MAX = 2**31 - 1


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
        self._state = 0
        number = int("".join(f"{int(part):02x}" for part in (version.split(".") + ["0", "0"])[:3]), 16)
        callbacks = {
            b"version": version.encode(), b"version_number": number, b"call": call, b"setresp": setresp,
            b"error_text": _error_text, b"sha1hex": _sha1hex, b"log": self._write_log, b"random": self._random,
            b"randomseed": self._seed_random, b"bit": _bit, b"null": self._null,
            b"cjson_encode": self._encode, b"cjson_decode": self._decode,
        }  # fmt: skip
        self._compile, self._run = runtime.execute(_PRELUDE, runtime.table_from(callbacks))
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
        self._state = 0x330E
        outcome = self._run(body, self._table_from(keys), self._table_from(arguments))
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

    def _seed_random(self, seed: float) -> None:
        self._state = ((int(seed) & 0xFFFFFFFF) << 16) + 0x330E

    def _random(self) -> float:
        # drand48, as Redis ships it: scripts draw the same numbers on every server and at every call.
        self._state = (self._state * 0x5DEECE66D + 0xB) & 0xFFFFFFFFFFFF
        return ((self._state >> 17) % _RANDOM_MAX) / _RANDOM_MAX

    @staticmethod
    def _write_log(level: float, text: bytes) -> None:
        _log.log(_LEVELS[int(level)], "%s", text.decode("utf-8", "replace"))

    def _encode(self, *values: Any) -> tuple[bool, bytes]:
        try:
            return True, cjson_encode(values[0] if values else None, self._null, lua51.lua_type)
        except ValueError as error:
            return False, str(error).encode()

    def _decode(self, *values: Any) -> tuple[bool, Any]:
        try:
            return True, cjson_decode(values[0] if values else b"", self._null, self._table_from)
        except ValueError as error:
            return False, str(error).encode()


def _error_text(text: bytes) -> bytes:
    text = text.removeprefix(b"-")
    # Redis 7: text without a code in front counts as ERR.
    return text if b" " in text else b"ERR " + text


def _sha1hex(text: bytes) -> bytes:
    return hashlib.sha1(text, usedforsecurity=False).hexdigest().encode()


def _bit(name: bytes, *values: Any) -> Any:
    words = [int(value) & 0xFFFFFFFF for value in values]
    first, rest = words[0], words[1:]
    count = (rest[0] & 31) if rest else 0
    result = first
    if name == b"bnot":
        result = ~first
    elif name == b"band":
        for word in rest:
            result &= word
    elif name == b"bor":
        for word in rest:
            result |= word
    elif name == b"bxor":
        for word in rest:
            result ^= word
    elif name == b"lshift":
        result = first << count
    elif name == b"rshift":
        result = first >> count
    elif name == b"arshift":
        result = (first - ((first & 0x80000000) << 1)) >> count
    elif name in {b"rol", b"ror"}:
        left = count if name == b"rol" else (32 - count) & 31
        result = first << left | first >> (32 - left)
    elif name == b"bswap":
        result = int.from_bytes(first.to_bytes(4, "little"), "big")
    elif name == b"tohex":
        digits = int(values[1]) if len(values) > 1 else 8
        text = b"%08x" % first if digits >= 0 else b"%08X" % first
        return text[-min(abs(digits), 8) :]
    result &= 0xFFFFFFFF
    return result - ((result & 0x80000000) << 1)
