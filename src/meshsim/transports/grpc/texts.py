"""What gRPC's core says of what went wrong, word for word: the parity tests compare."""

from __future__ import annotations

from typing import Final

DEADLINE: Final = "Deadline Exceeded"
CLOSED: Final = "Stream removed (Socket closed)"
RESET: Final = "Stream removed (recvmsg:Connection reset by peer (104))"
STOPPED: Final = "Cancelling all calls"
INVALID_METADATA: Final = "Invalid metadata"
CALL_CREDENTIALS: Final = (
    "Established channel does not have a sufficient security level to transfer call credential."
)
PLUGIN_FAILED: Final = "Getting metadata from plugin failed with error: "
PING_TIMEOUT: Final = "Stream removed (ping timeout)"


def not_connected(address: str, why: str) -> str:
    """Say why no connection could be made."""
    return f"failed to connect to all addresses; last error: UNKNOWN: {address}: {why}"


REFUSED: Final = "Failed to connect to remote host: Connection refused"
RESET_AT_CONNECT: Final = "Failed to connect to remote host: Connection reset by peer"
CONNECT_TIMEOUT: Final = "connect() timed out"


def too_large(side: str, verb: str, size: int, limit: int) -> str:
    """Say that a message is larger than its limit."""
    return f"{side}: {verb} message larger than max ({size} vs. {limit})"
