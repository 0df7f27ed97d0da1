"""What must hold in the theatre."""

from __future__ import annotations


def whoever_was_sold_a_seat_has_it(mesh):
    """Return whether every ticket that was answered `sold` is the one that the seats service knows."""
    owners = mesh.redis("cache", decode_responses=True).hgetall("seats")
    for call in mesh.trace.requests("box_office buy"):
        if call.answered and call.status == "ok" and call.reply.field("sold"):
            assert owners[str(call.body("seat"))] == call.body("customer")
    return bool(owners)
