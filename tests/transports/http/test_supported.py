"""The table of what is there agrees with what is replaced."""

from __future__ import annotations

from meshsim.transports.http import seam
from meshsim.transports.http.supported import OPERATIONS


def test_the_table_names_every_replaced_name() -> None:
    """Each name that the room replaces stands in a row, and each row's names are replaced."""
    replaced = {f"{patch.owner.__name__}.{patch.name}" for _, make in seam.rooms() for patch in make()}
    assert {name for operation in OPERATIONS for name in operation.caught_at} == replaced
