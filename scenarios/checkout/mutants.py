"""Mistakes that a developer could have made, put into the services after they have booted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshsim import World


def take_without_looking(mesh: World) -> None:
    """Have the inventory take from a shelf whatever is on it."""
    script = mesh.host("inventory").module("inventory.stock").RESERVE
    careless = script.replace("tonumber(left) < tonumber(ARGV[1])", "false")
    assert careless != script
    mesh.host("inventory").patch("inventory.stock.RESERVE", careless)


def accept_again(mesh: World) -> None:
    """Have orders put every order that is placed into the outbox, whether or not it is known."""
    script = mesh.host("orders/0").module("orders.store").ACCEPT
    careless = script.replace("redis.call('EXISTS', KEYS[1]) == 0", "true")
    assert careless != script
    for host in ("orders/0", "orders/1"):
        mesh.host(host).patch("orders.store.ACCEPT", careless)
