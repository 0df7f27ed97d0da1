"""HELLO, AUTH, QUIT and the CLIENT commands."""

from __future__ import annotations

import re
from typing import Any

from meshsim.transports.redis.codec import MapReply, Verbatim
from meshsim.transports.redis.commands.part import SessionPart
from meshsim.transports.redis.engine import OK, NoResponse, SimpleError, SimpleString, command, module

__all__ = ["ConnectionCommands"]

_msgs = module("_msgs")
_Int = module("_command_args_parsing").Int
_SYNTAX = "ERR syntax error"
_NAME = re.compile(rb"[!-~]*")
_BAD_NAME = "ERR Client names cannot contain spaces, newlines or special characters."
_WRONG_PASSWORD = "WRONGPASS invalid username-password pair or user is disabled."  # noqa: S105
_NOTHING_TO_CHECK = (
    "ERR AUTH <password> called without any password configured for the default user. "
    "Are you sure your configuration is correct?"
)
_TYPES = {b"normal", b"master", b"replica", b"slave", b"pubsub"}
_MODES = (b"write", b"all")


class ConnectionCommands(SessionPart):
    """What a client asks about its connection."""

    @command(name="HELLO", fixed=(), repeat=(bytes,), flags=_msgs.FLAG_NO_SCRIPT)
    def hello(self, *args: bytes) -> Any:
        """Choose RESP2 or RESP3, log in, take a name."""
        protocol = self._client_info["resp"]
        if args:
            if not args[0].isdigit():
                raise SimpleError("ERR Protocol version is not an integer or out of range")
            protocol = int(args[0])
            if protocol not in {2, 3}:
                raise SimpleError("NOPROTO unsupported protocol version")
        name, rest = None, list(args[1:])
        while rest:
            option = rest.pop(0).lower()
            if option == b"auth" and len(rest) > 1:
                self._log_in(rest.pop(0), rest.pop(0))
            elif option == b"setname" and rest:
                name = self._checked_name(rest.pop(0))
            else:
                message = f"ERR Syntax error in HELLO option '{option.decode('utf-8', 'replace')}'"
                raise SimpleError(message)
        if not self.logged_in:
            message = (
                "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH "
                "<user> <pass> option can be used to authenticate the client and select the RESP protocol version at "
                "the same time"
            )
            raise SimpleError(message)
        self._client_info["resp"] = protocol
        self.dialect = self.server.dialects[protocol]
        if name is not None:
            self._client_info["name"] = name
        return MapReply(
            [
                b"server", b"redis", b"version", self.server.version_text.encode(), b"proto", protocol,
                b"id", self._client_info["id"], b"mode", b"standalone", b"role", self.server.role.encode(),
                b"modules", [],
            ]
        )  # fmt: skip

    @staticmethod
    def _checked_name(name: bytes) -> str:
        if not _NAME.fullmatch(name):
            raise SimpleError(_BAD_NAME)
        return name.decode()

    def _log_in(self, user: bytes, password: bytes) -> None:
        server = self.server
        if user == b"default" and server.password:
            right = password == server.password
        else:
            known = user in server.acl.get_users()
            acl = server.acl.get_user_acl(user) if known else None
            # A user without a password takes any.
            right = acl is not None and acl.enabled and (acl._nopass or acl.check_password(password))
        if not right:
            raise SimpleError(_WRONG_PASSWORD)
        self.logged_in = True
        self._client_info["user"] = user.decode()

    @command(name="AUTH", fixed=(bytes,), repeat=(bytes,), flags=_msgs.FLAG_NO_SCRIPT)
    def auth(self, *args: bytes) -> SimpleString:
        """Log in, by password or by user and password."""
        if len(args) > 2:
            raise SimpleError(_SYNTAX)
        if len(args) == 1 and not self.server.password:
            raise SimpleError(_NOTHING_TO_CHECK)
        self._log_in(args[0] if len(args) == 2 else b"default", args[-1])
        return OK

    @command(name="QUIT", fixed=(), repeat=(bytes,), flags=[_msgs.FLAG_NO_SCRIPT, _msgs.FLAG_TRANSACTION])
    def quit(self, *_args: bytes) -> SimpleString:
        """Answer, then have the connection closed."""
        self._closing = True
        return OK

    @command(name="RESET", fixed=(), flags=[_msgs.FLAG_NO_SCRIPT, _msgs.FLAG_TRANSACTION])
    def reset(self) -> SimpleString:
        """Make the connection as it was when it was new."""
        super().reset()  # type: ignore[misc]
        self.dialect = self.server.dialects[2]
        self.logged_in = not self.server.password
        return SimpleString(b"RESET")

    @command(name="CLIENT SETNAME", fixed=(bytes,))
    def client_setname(self, name: bytes) -> SimpleString:
        """Name the connection."""
        self._client_info["name"] = self._checked_name(name)
        return OK

    @command(name="CLIENT GETNAME", fixed=())
    def client_getname(self) -> bytes | None:
        """Return the connection's name, or null."""
        return self._client_info["name"].encode() or None

    @command(name="CLIENT SETINFO", fixed=(bytes, bytes))
    def client_setinfo(self, attribute: bytes, value: bytes) -> SimpleString:
        """Note the client library's name or version."""
        key = attribute.lower()
        if key not in {b"lib-name", b"lib-ver"}:
            message = f"ERR Unrecognized option '{attribute.decode('utf-8', 'replace')}'"
            raise SimpleError(message)
        if not _NAME.fullmatch(value):
            message = f"ERR {key.decode()} cannot contain spaces, newlines or special characters."
            raise SimpleError(message)
        self._client_info[key.decode()] = value.decode()
        return OK

    @command(name="CLIENT ID", fixed=())
    def client_id(self) -> int:
        """Return the connection's number."""
        return int(self._client_info["id"])

    @command(name="CLIENT INFO", fixed=())
    def client_info(self) -> Verbatim:
        """Describe this connection."""
        return Verbatim(self.describe_client())

    @command(name="CLIENT LIST", fixed=(), repeat=(bytes,))
    def client_list(self, *args: bytes) -> Verbatim:
        """Describe all connections, or those of a type or with given numbers."""
        chosen = list(self.server.sockets)
        if args:
            word = args[0].lower()
            if word == b"type" and len(args) == 2:
                if args[1].lower() not in _TYPES:
                    message = f"ERR Unknown client type '{args[1].decode('utf-8', 'replace')}'"
                    raise SimpleError(message)
                chosen = [session for session in chosen if session.client_type == args[1].lower()]
            elif word == b"id" and len(args) > 1:
                numbers = [_Int.decode(arg, "ERR Invalid client ID") for arg in args[1:]]
                chosen = [session for session in chosen if session.client_id() in numbers]
            else:
                raise SimpleError(_SYNTAX)
        return Verbatim(b"".join(session.describe_client() for session in chosen))

    @property
    def client_type(self) -> bytes:
        """`normal`, `pubsub`, or `master` for the link of a replica to its master."""
        if self.is_master_link:
            return b"master"
        return b"pubsub" if self._pubsub else b"normal"

    @staticmethod
    def _client_type(sock: Any) -> bytes:
        return bytes(sock.client_type)

    def describe_client(self) -> bytes:
        """Return this connection's line of CLIENT LIST."""
        info, age_s = self._client_info, self.server.age_s(self._client_info)
        flags = (
            ("P" if self._pubsub else "")
            + ("b" if self._blocked else "")
            + ("x" if self._transaction else "")
        )
        words = self.fields[:1] if self.server.is_plain(self.fields) else self.fields[:2]
        values = {
            "id": info["id"], "addr": self.peer, "laddr": self.server.address, "fd": 8, "name": info["name"],
            "age": age_s, "idle": 0, "flags": flags or "N", "db": self._db_num, "sub": self._pubsub, "psub": 0,
            "ssub": 0, "multi": len(self._transaction) if self._transaction is not None else -1, "qbuf": 26,
            "qbuf-free": 20448, "argv-mem": 10, "multi-mem": 0, "rbs": 1024, "rbp": 0, "obl": 0, "oll": 0, "omem": 0,
            "tot-mem": 22426, "events": "r", "cmd": "|".join(word.decode("utf-8", "replace").lower() for word in words),
            "user": info["user"], "redir": -1, "resp": info["resp"],
        }  # fmt: skip
        if self.server.version >= (7, 2):
            values |= {"lib-name": info.get("lib-name", ""), "lib-ver": info.get("lib-ver", "")}
        return (" ".join(f"{key}={value}" for key, value in values.items()) + "\n").encode()

    @command(name="CLIENT UNBLOCK", fixed=(_Int,), repeat=(bytes,))
    def client_unblock(self, number: int, *args: bytes) -> int:
        """End another connection's wait, as by timeout or by an error."""
        if len(args) > 1 or (args and args[0].lower() not in {b"timeout", b"error"}):
            raise SimpleError("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
        for session in list(self.server.sockets):
            if session.client_id() == number and session.parked is not None:
                if args and args[0].lower() == b"error":
                    session.unpark(SimpleError("UNBLOCKED client unblocked via CLIENT UNBLOCK"))
                else:
                    session.unpark(session.parked.shape(None))
                return 1
        return 0

    @command(name="CLIENT PAUSE", fixed=(bytes,), repeat=(bytes,))
    def client_pause(self, timeout: bytes, *args: bytes) -> SimpleString:
        """Hold all commands, or all writes, for some milliseconds."""
        duration_ms = _Int.decode(timeout, "ERR timeout is not an integer or out of range")
        if duration_ms < 0:
            raise SimpleError("ERR timeout is negative")
        if len(args) > 1 or (args and args[0].lower() not in _MODES):
            raise SimpleError("ERR CLIENT PAUSE mode must be WRITE or ALL")
        self.server.pause(duration_ms * 1_000_000, writes_only=bool(args) and args[0].lower() == b"write")
        return OK

    @command(name="CLIENT UNPAUSE", fixed=())
    def client_unpause(self) -> SimpleString:
        """Let held commands go on."""
        self.server.unpause()
        return OK

    def kill(self) -> None:
        """Have the server close this connection, for CLIENT KILL and for a change of role."""
        self._killed = True
        if self in self.server.sockets:
            self.server.sockets.remove(self)
        self.server.resume(self)  # type: ignore[arg-type]

    @command(name="PING", fixed=(), repeat=(bytes,))
    def ping(self, *args: bytes) -> Any:
        """Answer PONG, or the argument."""
        if len(args) > 1:
            raise SimpleError("ERR wrong number of arguments for 'ping' command")
        if self._pubsub and self._client_info["resp"] == 2:
            return [b"pong", args[0] if args else b""]
        return args[0] if args else SimpleString(b"PONG")

    @command(name="CLIENT MAINT_NOTIFICATIONS", fixed=(), repeat=(bytes,), server_types=())
    def client_maint_notifications(self, *_args: bytes) -> NoResponse:
        """Stay unknown, as in every Redis that is not Redis Enterprise."""
        raise SimpleError(_SYNTAX)
