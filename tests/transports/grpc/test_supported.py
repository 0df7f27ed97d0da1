"""The table of what is there agrees with what is replaced."""

from __future__ import annotations

from meshsim.transports.grpc import seam
from meshsim.transports.grpc.supported import OPERATIONS


def test_the_table_names_every_replaced_name() -> None:
    """Each name that the room replaces stands in a row, and each row's names are replaced."""
    replaced = {
        f"{patch.owner.__name__.rpartition('.')[2]}.{patch.name}"
        for _, make in seam.rooms()
        for patch in make()
    }
    assert {name for operation in OPERATIONS for name in operation.caught_at} == replaced
