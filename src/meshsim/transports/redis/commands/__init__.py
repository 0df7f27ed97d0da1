"""What this server answers itself, where the engine has no command, or another answer than Redis.

blocking      BLMOVE, XREADGROUP, WAIT, and which keys a blocked command waits for
connection    HELLO, AUTH, CLIENT, QUIT, RESET
keys          OBJECT, TOUCH, COPY, DUMP, RESTORE, MEMORY USAGE
server        INFO, CONFIG, COMMAND, ROLE, REPLICAOF, FLUSHALL, DEBUG, ...
transactions  MULTI, EXEC, WATCH
scripts       EVAL, EVALSHA and what scripts see
strings, collections, streams   commands on values that the engine answers otherwise than Redis
"""

from __future__ import annotations

from meshsim.transports.redis.commands.blocking import BlockingCommands
from meshsim.transports.redis.commands.collections import CollectionCommands
from meshsim.transports.redis.commands.connection import ConnectionCommands
from meshsim.transports.redis.commands.keys import KeyCommands
from meshsim.transports.redis.commands.scripts import ScriptCommands
from meshsim.transports.redis.commands.server import ServerCommands
from meshsim.transports.redis.commands.streams import StreamCommands
from meshsim.transports.redis.commands.strings import StringCommands
from meshsim.transports.redis.commands.transactions import TransactionCommands

__all__ = ["Commands"]


class Commands(
    BlockingCommands,
    ConnectionCommands,
    KeyCommands,
    CollectionCommands,
    StringCommands,
    ScriptCommands,
    ServerCommands,
    StreamCommands,
    TransactionCommands,
):
    """Everything that a session answers before the engine is asked."""
