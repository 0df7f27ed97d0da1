"""OBJECT, TOUCH, COPY, DUMP and RESTORE, MEMORY USAGE: what a client asks about single keys."""

from __future__ import annotations

import copy
import hashlib
import io
import pickle
from typing import Any

from meshsim.transports.redis.commands.part import SessionPart
from meshsim.transports.redis.engine import OK, CommandItem, Key, SimpleError, SimpleString, command, module

__all__ = ["KeyCommands"]

_Int = module("_command_args_parsing").Int
_DbIndex = module("_command_args_parsing").DbIndex
_extract = module("_command_args_parsing").extract_args
_model = module("model")
_SYNTAX = "ERR syntax error"
_SMALL = 128
_LARGE = 512
_EMBEDDED_BYTES = 44
_SHARED = 10_000
_FOR_EVER = 2**31 - 1
_ITEM_BYTES = 64


def _is_integer(text: bytes) -> bool:
    return len(text) <= 20 and text.lstrip(b"-").isdigit() and str(int(text)).encode() == text


def _encoding(value: Any, version: tuple[int, ...]) -> bytes:  # noqa: PLR0911 - one line a type
    if isinstance(value, bytes):
        return b"int" if _is_integer(value) else b"embstr" if len(value) <= _EMBEDDED_BYTES else b"raw"
    if isinstance(value, list):
        small = len(value) <= _SMALL and all(len(item) <= 8000 for item in value)
        return b"listpack" if small and version >= (7, 2) else b"quicklist"
    members = list(value)
    if isinstance(value, _model.ExpiringMembersSet):
        if len(members) <= _LARGE and all(_is_integer(member) for member in members):
            return b"intset"
        small = len(members) <= _SMALL and all(len(member) <= _ITEM_BYTES for member in members)
        return b"listpack" if small and version >= (7, 2) else b"hashtable"
    if isinstance(value, _model.Hash):
        parts = [part for pair in value.items() for part in pair]
        small = len(members) <= (_LARGE if version >= (7, 0) else _SMALL)
        return b"listpack" if small and all(len(part) <= _ITEM_BYTES for part in parts) else b"hashtable"
    if isinstance(value, _model.ZSet):
        small = len(members) <= _SMALL and all(len(member) <= _ITEM_BYTES for member in members)
        return b"listpack" if small else b"skiplist"
    return b"stream" if isinstance(value, _model.XStream) else b"raw"


class _Pickler(pickle.Pickler):
    """Pickles the engine's types by name: their modules are not in `sys.modules`."""

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, type) and obj.__module__.startswith("fakeredis."):
            return obj.__module__.removeprefix("fakeredis."), obj.__qualname__
        return None


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, pid: Any) -> Any:
        return getattr(module(pid[0]), pid[1])


class KeyCommands(SessionPart):
    """Commands on keys whatever they hold."""

    def _existing(self, key: bytes) -> Any:
        return self._db.get(key)

    @command(name="OBJECT ENCODING", fixed=(bytes,))
    def object_encoding(self, key: bytes) -> bytes | None:
        """Say how Redis would store the value."""
        item = self._existing(key)
        return None if item is None else _encoding(item.value, self.server.version)

    @command(name="OBJECT REFCOUNT", fixed=(bytes,))
    def object_refcount(self, key: bytes) -> int | None:
        """Count references to the value: one, but for the small integers that Redis shares."""
        item = self._existing(key)
        if item is None:
            return None
        shared = isinstance(item.value, bytes) and _is_integer(item.value) and 0 <= int(item.value) < _SHARED
        return _FOR_EVER if shared else 1

    @command(name="OBJECT IDLETIME", fixed=(bytes,))
    def object_idletime(self, key: bytes) -> int | None:
        """Return the seconds since the key was written or, roughly, read."""
        return None if self._existing(key) is None else self.server.idle_s(self._db, key)

    @command(name="OBJECT FREQ", fixed=(bytes,))
    def object_freq(self, key: bytes) -> int | None:
        """Refuse, as under any policy but LFU."""
        if self._existing(key) is None:
            return None
        message = (
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when "
            "switching between policies at runtime LRU and LFU data will take some time to adjust."
        )
        raise SimpleError(message)

    @command(name="TOUCH", fixed=(bytes,), repeat=(bytes,))
    def touch(self, *keys: bytes) -> int:
        """Count those of the keys that exist."""
        return sum(self._existing(key) is not None for key in keys)

    @command(name="MEMORY USAGE", fixed=(bytes,), repeat=(bytes,))
    def memory_usage(self, key: bytes, *_options: bytes) -> int | None:
        """Estimate the bytes that a key takes."""
        item = self._existing(key)
        if item is None:
            return None
        value = item.value
        parts = [value] if isinstance(value, bytes) else list(value)
        return 56 + len(key) + sum(16 + (len(part) if isinstance(part, bytes) else 16) for part in parts)

    @command(name="COPY", fixed=(bytes, bytes), repeat=(bytes,))
    def copy(self, source: bytes, target: bytes, *args: bytes) -> int:
        """Copy a value; the engine would let both keys share one."""
        (number, replace), _ = _extract(args, ("+db", "replace"))
        if number is not None and not _DbIndex.MIN_VALUE <= number <= _DbIndex.MAX_VALUE:
            raise SimpleError("ERR DB index is out of range")
        database = self._db if number is None else self.server.dbs[number]
        if source == target and database is self._db:
            raise SimpleError("ERR source and destination objects are the same")
        database.time = self._db.time
        found = self._existing(source)
        if found is None or (database.get(target) is not None and not replace):
            return 0
        item = CommandItem(target, database, database.get(target))
        item.value = copy.deepcopy(found.value)
        item.expireat = found.expireat
        item.writeback()
        return 1

    @command(name="DUMP", fixed=(bytes,))
    def dump(self, key: bytes) -> bytes | None:
        """Return the value as bytes that RESTORE of this server understands; they are not Redis' own format."""
        item = self._existing(key)
        if item is None:
            return None
        body = io.BytesIO()
        _Pickler(body, protocol=4).dump(item.value)
        return hashlib.sha1(body.getvalue(), usedforsecurity=False).digest() + body.getvalue()

    @command(name="RESTORE", fixed=(Key(), _Int, bytes), repeat=(bytes,))
    def restore(self, key: CommandItem, ttl_ms: int, payload: bytes, *args: bytes) -> SimpleString:
        """Store what DUMP returned."""
        (replace, absolute, _idle, _freq), _ = _extract(args, ("replace", "absttl", "+idletime", "+freq"))
        if ttl_ms < 0:
            raise SimpleError("ERR Invalid TTL value, must be >= 0")
        if key and not replace:
            raise SimpleError("BUSYKEY Target key name already exists.")
        body = payload[20:]
        if hashlib.sha1(body, usedforsecurity=False).digest() != payload[:20]:
            raise SimpleError("ERR DUMP payload version or checksum are wrong")
        key.value = _Unpickler(io.BytesIO(body)).load()
        if ttl_ms:
            key.expireat = ttl_ms / 1000 if absolute else self._db.time + ttl_ms / 1000
        return OK
