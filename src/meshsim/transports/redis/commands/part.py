"""What every part of a session may rely on; the session itself supplies it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.transports.redis.codec import Dialect
    from meshsim.transports.redis.database import MeshDatabase
    from meshsim.transports.redis.engine import NoResponse
    from meshsim.transports.redis.server import RedisServer
    from meshsim.transports.redis.session import Parked

__all__ = ["SessionPart"]


class SessionPart:
    """The attributes and methods of a session that its commands use."""

    if TYPE_CHECKING:
        server: RedisServer
        peer: str
        parked: Parked | None
        fields: list[bytes]
        logged_in: bool
        dialect: Dialect
        is_master_link: bool
        _client_info: Any
        _db: MeshDatabase
        _db_num: int
        _pubsub: int
        _transaction: list[Any] | None
        _transaction_failed: bool
        _in_transaction: bool
        _script_resp: int | None
        _watches: set[tuple[bytes, MeshDatabase]]
        _watch_notified: bool
        _closing: bool
        _killed: bool
        _blocked: bool

        call: Callable[..., Any]
        unpark: Callable[[Any], None]
        _clear_watches: Callable[[], None]
        _blocking: Callable[..., Any]

        def park(
            self, attempt: Callable[[], Any], shape: Callable[[Any], Any], timeout_s: float | None
        ) -> NoResponse:
            """Wait until `attempt` gives something or the time is over."""
