"""Which Redis of the world a Unix socket's path means."""

from __future__ import annotations

import errno
import os
from pathlib import PurePosixPath

from meshsim.kernel import state
from meshsim.transports.redis.wire import fabric

__all__ = ["of_unix_socket"]

DEFAULT_PORT = 6379


def of_unix_socket(path: str) -> tuple[str, int]:
    """Return the name and the port behind a socket's path: `/run/cache.sock` is the Redis called `cache`.

    A path that names none means the world's only Redis, if there is one.

    Raises:
        FileNotFoundError: as `connect` raises for a path where nothing is.
    """
    names = fabric().names
    for name in (path, PurePosixPath(path).stem, PurePosixPath(path).parent.name):
        if name and names.known(name, DEFAULT_PORT):
            return name, DEFAULT_PORT
    platforms = getattr(getattr(state.kernel, "world", None), "platforms", {})
    servers = [name for name, platform in platforms.items() if getattr(platform, "word", "") == "redis"]
    if len(servers) == 1:
        return servers[0], DEFAULT_PORT
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
