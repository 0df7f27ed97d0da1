"""Starts the orders server: ``python -m orders.standalone -s orders.settings``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pysoa.server.standalone import simple_main

if TYPE_CHECKING:
    from pysoa.server.server import Server


def _server() -> type[Server]:
    from orders.server import Server  # noqa: PLC0415 - PySOA imports the service once its arguments are read

    return Server


if __name__ == "__main__":
    simple_main(_server)
