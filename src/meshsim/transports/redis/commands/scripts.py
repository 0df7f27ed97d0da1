"""EVAL, EVALSHA, their read-only kin and SCRIPT: scripts run in one turn and see Redis 7's replies and errors."""

from __future__ import annotations

import hashlib
from typing import Any

from meshsim.transports.redis.codec import MapReply, SetReply
from meshsim.transports.redis.commands.part import SessionPart
from meshsim.transports.redis.dispatch import find, shaped
from meshsim.transports.redis.engine import OK, SimpleError, SimpleString, command, module
from meshsim.transports.redis.scripting import ScriptEngine, ScriptFailed

__all__ = ["ScriptCommands"]

_Int = module("_command_args_parsing").Int
_NO_SCRIPT = module("_msgs").FLAG_NO_SCRIPT
_RESP3 = 3


class ScriptCommands(SessionPart):
    """Scripts, and what `redis.call` does."""

    _read_only_script = False

    @command((bytes, _Int), (bytes,), flags=_NO_SCRIPT)
    def eval(self, script: bytes, numkeys: int, *words: bytes) -> Any:
        """Run a script and keep it for EVALSHA."""
        digest = hashlib.sha1(script, usedforsecurity=False).hexdigest().encode()
        return self._evaluate(digest, script, numkeys, words, read_only=False)

    @command(name="EVAL_RO", fixed=(bytes, _Int), repeat=(bytes,), flags=_NO_SCRIPT)
    def eval_ro(self, script: bytes, numkeys: int, *words: bytes) -> Any:
        """Run a script that must not write."""
        digest = hashlib.sha1(script, usedforsecurity=False).hexdigest().encode()
        return self._evaluate(digest, script, numkeys, words, read_only=True)

    @command(name="EVALSHA", fixed=(bytes, _Int), repeat=(bytes,), flags=_NO_SCRIPT)
    def evalsha(self, digest: bytes, numkeys: int, *words: bytes) -> Any:
        """Run a script that this server knows."""
        return self._evaluate(digest.lower(), self._known(digest), numkeys, words, read_only=False)

    @command(name="EVALSHA_RO", fixed=(bytes, _Int), repeat=(bytes,), flags=_NO_SCRIPT)
    def evalsha_ro(self, digest: bytes, numkeys: int, *words: bytes) -> Any:
        """Run a known script that must not write."""
        return self._evaluate(digest.lower(), self._known(digest), numkeys, words, read_only=True)

    def _known(self, digest: bytes) -> bytes:
        script = self.server.script_cache.get(digest.lower())
        if script is None:
            raise SimpleError("NOSCRIPT No matching script. Please use EVAL.")
        return script

    @command(name="SCRIPT LOAD", fixed=(bytes,), flags=_NO_SCRIPT)
    def script_load(self, script: bytes) -> bytes:
        """Keep a script for EVALSHA; refuse what is not Lua."""
        digest = hashlib.sha1(script, usedforsecurity=False).hexdigest().encode()
        self.server.scripts.compile(digest, script)
        self.server.script_cache[digest] = script
        return digest

    @command(name="SCRIPT EXISTS", fixed=(bytes,), repeat=(bytes,), flags=_NO_SCRIPT)
    def script_exists(self, *digests: bytes) -> list[int]:
        """Say which scripts this server knows."""
        return [int(digest.lower() in self.server.script_cache) for digest in digests]

    @command(name="SCRIPT FLUSH", fixed=(), repeat=(bytes,), flags=_NO_SCRIPT)
    def script_flush(self, *modes: bytes) -> SimpleString:
        """Forget every script."""
        if len(modes) > 1 or (modes and modes[0].lower() not in {b"sync", b"async"}):
            raise SimpleError("ERR SCRIPT FLUSH only support SYNC|ASYNC option")
        self.server.script_cache.clear()
        self.server.scripts.forget()
        return OK

    @command(name="SCRIPT KILL", fixed=(), flags=_NO_SCRIPT)
    def script_kill(self) -> None:
        """Refuse: no script runs while another command does."""
        raise SimpleError("NOTBUSY No scripts in execution right now.")

    def _evaluate(
        self, digest: bytes, script: bytes, numkeys: int, words: tuple[bytes, ...], *, read_only: bool
    ) -> Any:
        if numkeys > len(words):
            raise SimpleError("ERR Number of keys can't be greater than number of args")
        if numkeys < 0:
            raise SimpleError("ERR Number of keys can't be negative")
        scripts = self.server.scripts
        body = scripts.compile(digest, script)
        if not self.is_master_link:  # a master sends whole scripts where Redis sends their effects
            self.server.script_cache[digest] = script
        flags = script.partition(b"\n")[0] if script.startswith(b"#!") else b""
        self._read_only_script = read_only or b"no-writes" in flags
        self._script_resp = 2
        self.server.script_caller = self  # type: ignore[assignment]
        fields, database = self.fields, (self._db, self._db_num)
        try:
            result = scripts.run(body, words[:numkeys], words[numkeys:])
        except ScriptFailed as error:
            place = f" script: {digest.decode()}, on @user_script:{int(error.line)}." if error.line else ""
            raise SimpleError(error.text + place) from error
        finally:
            resp3, self._script_resp = self._script_resp == _RESP3, None
            self._read_only_script = False
            self.fields = fields
            self._db, self._db_num = database
        if isinstance(result, bool) and resp3:
            return result
        return self._from_lua(result, nested=False)

    def call_from_script(self, words: tuple[Any, ...]) -> Any:
        """Do what `redis.call` asks and return what Lua gets, or the error."""
        try:
            reply = self._run_for_script([_argument(word) for word in words])
        except SimpleError as error:
            return error
        return reply if isinstance(reply, SimpleError) else self._to_lua(reply)

    def _run_for_script(self, fields: list[bytes]) -> Any:
        server = self.server
        try:
            entry = find(fields)
        except SimpleError as error:
            raise SimpleError("ERR Unknown Redis command called from script") from error
        if entry.since > server.version:
            raise SimpleError("ERR Unknown Redis command called from script")
        try:
            entry.plan(len(fields) - entry.words)
        except SimpleError as error:
            raise SimpleError("ERR Wrong number of args calling Redis command from script") from error
        if not entry.from_scripts:
            raise SimpleError("ERR This Redis command is not allowed from script")
        if entry.writes and self._read_only_script:
            raise SimpleError("ERR Write commands are not allowed from read-only scripts.")
        if entry.writes and server.read_only and not self.is_master_link:
            raise SimpleError("READONLY You can't write against a read only replica.")
        self.fields = fields
        return shaped(entry, self.call(entry, fields[entry.words :]))

    def _to_lua(self, reply: Any) -> Any:  # noqa: PLR0911  one line a type
        table = self.server.scripts.to_lua
        if isinstance(reply, SimpleError):
            return table({b"err": reply.value.encode("utf-8", "replace")})
        if isinstance(reply, SimpleString):
            return table({b"ok": reply.value})
        if reply is None or not isinstance(reply, (bytes, str, int, float, list, tuple, dict)):
            return None if self._script_resp == _RESP3 else False
        if isinstance(reply, str):
            return reply.encode()
        if isinstance(reply, float):
            return table({b"double": reply}) if self._script_resp == _RESP3 else self.dialect.double(reply)
        if isinstance(reply, (dict, MapReply)):
            flat = reply if isinstance(reply, list) else [part for pair in reply.items() for part in pair]
            converted = [self._to_lua(part) for part in flat]
            if self._script_resp == _RESP3:
                return table({b"map": table(dict(zip(converted[::2], converted[1::2], strict=True)))})
            return table(converted)
        if isinstance(reply, SetReply) and self._script_resp == _RESP3:
            return table({b"set": table({self._to_lua(item): True for item in reply})})
        if isinstance(reply, (list, tuple)):
            return table([self._to_lua(item) for item in reply])
        return reply

    def _from_lua(self, value: Any, *, nested: bool = True) -> Any:  # noqa: PLR0911  one line a type
        if not self.server.scripts.is_table(value):
            if isinstance(value, bool):
                return 1 if value else None
            return (
                _whole(value)
                if isinstance(value, (int, float))
                else value
                if isinstance(value, bytes)
                else None
            )
        if (text := value[b"err"]) is not None:
            error = SimpleError(text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text))
            if nested:
                return error
            raise error
        if (text := value[b"ok"]) is not None:
            return (
                SimpleString(text.replace(b"\r", b" ").replace(b"\n", b" "))
                if isinstance(text, bytes)
                else text
            )
        if isinstance(double := value[b"double"], (int, float)):
            return float(double)
        if (pairs := value[b"map"]) is not None:
            return {_hashable(self._from_lua(key)): self._from_lua(item) for key, item in pairs.items()}
        if (members := value[b"set"]) is not None:
            return SetReply([self._from_lua(member) for member in members])
        items: list[Any] = []
        while (item := value[len(items) + 1]) is not None:
            items.append(self._from_lua(item))
        return items


def _whole(value: float) -> int:
    # C's cast of a double that no 64-bit integer can hold gives the smallest one.
    return int(value) if -(2**63) <= value < 2**63 else -(2**63)


def _hashable(key: Any) -> Any:
    return tuple(key) if isinstance(key, list) else key


def _argument(word: Any) -> bytes:
    if type(word) is bytes:
        return word
    if type(word) in {int, float}:
        return b"%.17g" % word
    raise SimpleError("ERR Lua redis lib command arguments must be strings or integers")


def make_script_engine(server: Any) -> ScriptEngine:
    """Make a server's Lua; a script's calls go to the session that runs it."""

    def call(*words: Any) -> Any:
        return server.script_caller.call_from_script(words)

    def setresp(version: float) -> None:
        server.script_caller._script_resp = int(version)

    return ScriptEngine(server.version_text, call, setresp)
