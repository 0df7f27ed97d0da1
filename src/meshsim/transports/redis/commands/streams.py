"""Commands on streams where the engine reads or words them otherwise than Redis."""

from __future__ import annotations

from typing import Any

from meshsim.transports.redis.codec import NULL_ARRAY, MapReply
from meshsim.transports.redis.commands.part import SessionPart
from meshsim.transports.redis.engine import OK, Key, SimpleError, SimpleString, command, module

__all__ = ["StreamCommands"]

_msgs = module("_msgs")
_Int = module("_command_args_parsing").Int
_stream_model = module("model._stream")
_XStream = module("model").XStream
_Id = _stream_model.StreamEntryKey
_SYNTAX = "ERR syntax error"
_WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
_DOLLAR = (
    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by "
    "specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set."
)
_XCLAIM_OPTIONS = {b"idle", b"time", b"retrycount", b"force", b"justid", b"lastid"}
_INFO_ORDER = (
    b"length", b"radix-tree-keys", b"radix-tree-nodes", b"last-generated-id", b"max-deleted-entry-id",
    b"entries-added", b"recorded-first-entry-id", b"entries", b"groups", b"first-entry", b"last-entry",
)  # fmt: skip


class StreamCommands(SessionPart):
    """XREAD, XREADGROUP, XACK, XCLAIM, XPENDING, XINFO STREAM, XSETID."""

    def _check_read(self, args: tuple[bytes, ...], name: str) -> list[bytes]:
        """Refuse what Redis refuses before it looks at any stream; return the streams."""
        rest = list(args)
        while rest:
            word = rest.pop(0).lower()
            if word == b"streams":
                if not rest or len(rest) % 2:
                    message = (
                        f"ERR Unbalanced '{name}' list of streams: for each stream key an ID or "
                        f"'{'>' if name == 'xreadgroup' else '$'}' must be specified."
                    )
                    raise SimpleError(message)
                return rest
            if word == b"block" and rest:
                if _Int.decode(rest.pop(0), "ERR timeout is not an integer or out of range") < 0:
                    raise SimpleError("ERR timeout is negative")
            elif word == b"count" and rest:
                _Int.decode(rest.pop(0))
            elif word != b"noack" or name != "xreadgroup":
                raise SimpleError(_SYNTAX)
        raise SimpleError(_SYNTAX)

    def _check_types(self, names: list[bytes]) -> None:
        for name in names:
            item = self._db.get(name)
            if item is not None and not isinstance(item.value, _XStream):
                raise SimpleError(_WRONG_TYPE)

    @command(name="XREAD", fixed=(bytes, bytes, bytes), repeat=(bytes,))
    def xread(self, *args: bytes) -> Any:
        """Read entries after given ones, or wait for some."""
        named = self._check_read(args, "xread")
        half = len(named) // 2
        for name, text in zip(named[:half], named[half:], strict=True):
            self._check_types([name])
            if text != b"$":
                _Id.parse_str(text)
        return super().xread(*args) or None  # type: ignore[misc]

    @command(name="XREADGROUP", fixed=(bytes,) * 6, repeat=(bytes,))
    def xreadgroup(self, *args: bytes) -> Any:
        """Read entries as a consumer of a group, or wait for some."""
        word, group, consumer, *rest = args
        if word.lower() != b"group":
            raise SimpleError(_SYNTAX)
        named = self._check_read(tuple(rest), "xreadgroup")
        names, ids = named[: len(named) // 2], named[len(named) // 2 :]
        self._check_types(names)
        for name, start in zip(names, ids, strict=True):
            self._group_of(name, group)
            if start == b"$":
                raise SimpleError(_DOLLAR)
            if start != b">":
                _Id.parse_str(start)
        return super().xreadgroup(b"GROUP", group, consumer, *rest)  # type: ignore[misc]

    def _group_of(self, name: bytes, group: bytes) -> Any:
        item = self._db.get(name)
        found = item.value.group_get(group) if item is not None and isinstance(item.value, _XStream) else None
        if found is None:
            message = (
                f"NOGROUP No such key '{name.decode('utf-8', 'replace')}' or consumer group "
                f"'{group.decode('utf-8', 'replace')}' in XREADGROUP with GROUP option"
            )
            raise SimpleError(message)
        return found

    def _xreadgroup(self, consumer: bytes, params: Any, *rest: Any) -> Any:
        # Tried again after a wait: the stream or the group may be gone, or be another one.
        current = [(self._group_of(name, group.name), name, start) for group, name, start in params]
        return super()._xreadgroup(consumer, current, *rest) or None  # type: ignore[misc]

    def _xreadgroup_reply(self, found: Any) -> Any:
        if not found:
            return None
        return (
            [[name, entries] for name, entries in found.items()] if self._client_info["resp"] == 2 else found
        )

    @command(
        name="XACK", fixed=(Key(_XStream), bytes, bytes), repeat=(bytes,), flags=_msgs.FLAG_DO_NOT_CREATE
    )
    def xack(self, key: Any, group: bytes, *ids: bytes) -> int:
        """Acknowledge entries."""
        found = key.value.group_get(group) if key.value is not None else None
        if not found:
            return 0
        for text in ids:
            _Id.parse_str(text)
        return int(found.ack(ids))

    @command(
        name="XCLAIM",
        fixed=(Key(_XStream), bytes, bytes, bytes, bytes),
        repeat=(bytes,),
        flags=_msgs.FLAG_DO_NOT_CREATE,
    )
    def xclaim(self, key: Any, group: bytes, consumer: bytes, min_idle: bytes, *rest: bytes) -> Any:
        """Take entries over from another consumer."""
        if key.value is None or key.value.group_get(group) is None:
            message = (
                f"NOGROUP No such key '{key.key.decode('utf-8', 'replace')}' or consumer group "
                f"'{group.decode('utf-8', 'replace')}'"
            )
            raise SimpleError(message)
        min_idle_ms = max(0, _Int.decode(min_idle, "ERR Invalid min-idle-time argument for XCLAIM"))
        options = [word for word in rest if not word[:1].isdigit()]
        if options and options[0].lower() not in _XCLAIM_OPTIONS:
            message = f"ERR Unrecognized XCLAIM option '{options[0].decode('utf-8', 'replace')}'"
            raise SimpleError(message)
        return super().xclaim(key, group, consumer, min_idle_ms, *rest)  # type: ignore[misc]

    @command(name="XRANGE", fixed=(Key(), bytes, bytes), repeat=(bytes,))
    def xrange(self, key: Any, *args: bytes) -> Any:
        """Return entries between two IDs, oldest first."""
        return self._entries(key, args, super().xrange)  # type: ignore[misc]

    @command(name="XREVRANGE", fixed=(Key(), bytes, bytes), repeat=(bytes,))
    def xrevrange(self, key: Any, *args: bytes) -> Any:
        """Return entries between two IDs, newest first."""
        return self._entries(key, args, super().xrevrange)  # type: ignore[misc]

    @staticmethod
    def _entries(key: Any, args: tuple[bytes, ...], engine: Any) -> Any:
        found = engine(key, *args)
        if key.value is None or len(args) < 4:
            return found
        return NULL_ARRAY if _Int.decode(args[3]) <= 0 else found

    @command(name="XPENDING", fixed=(Key(_XStream), bytes), repeat=(bytes,), flags=_msgs.FLAG_DO_NOT_CREATE)
    def xpending(self, key: Any, group: bytes, *args: bytes) -> Any:
        """Describe entries that are delivered and not acknowledged."""
        reply = super().xpending(key, group, *args)  # type: ignore[misc]
        if not args:
            reply[3] = reply[3] or NULL_ARRAY
        if not args and isinstance(reply[3], list):
            reply[3] = [
                [name, count if isinstance(count, bytes) else b"%d" % count] for name, count in reply[3]
            ]
        return reply

    @command(name="XINFO STREAM", fixed=(Key(_XStream),), repeat=(bytes,), flags=_msgs.FLAG_DO_NOT_CREATE)
    def xinfo_stream(self, key: Any, *args: bytes) -> MapReply:
        """Describe a stream."""
        reply = super().xinfo_stream(key, *args)  # type: ignore[misc]
        if not isinstance(reply, dict):
            reply = dict(zip(reply[::2], reply[1::2], strict=True))
        known = {name if isinstance(name, bytes) else name.encode(): value for name, value in reply.items()}
        # One node for the tree's root and one for each listpack, as for the IDs of one moment.
        known[b"radix-tree-nodes"] = known[b"radix-tree-keys"] + 1
        return MapReply([part for name in _INFO_ORDER if name in known for part in (name, known[name])])

    @command(name="XSETID", fixed=(Key(_XStream), bytes), repeat=(bytes,), flags=_msgs.FLAG_DO_NOT_CREATE)
    def xsetid(self, key: Any, last: bytes, *options: bytes) -> SimpleString:
        """Set a stream's last ID."""
        if key.value is None:
            raise SimpleError("ERR no such key")
        wanted = _Id.parse_str(last)
        if key.value._ids and wanted < key.value._ids[-1]:
            raise SimpleError("ERR The ID specified in XSETID is smaller than the target stream top item")
        words = list(options)
        while words:
            word = words.pop(0).lower()
            if word == b"entriesadded" and words:
                key.value._entries_added = _Int.decode(words.pop(0))
            elif word == b"maxdeletedid" and words:
                key.value._max_deleted_id = _Id.parse_str(words.pop(0))
            else:
                raise SimpleError(_SYNTAX)
        key.value._last_id = wanted
        key.updated()
        return OK
