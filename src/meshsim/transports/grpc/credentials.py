"""Call credentials: what they add to a call's metadata. Channel credentials are accepted and mean nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim.transports.grpc import texts
from meshsim.transports.grpc.status import UNAUTHENTICATED

if TYPE_CHECKING:
    from meshsim.transports.grpc.call import ClientCall
    from meshsim.transports.grpc.wire import Metadata


def call_metadata(channel: Any, call: ClientCall, credentials: Any) -> Metadata | None:
    """Return what a call's credentials add; None when they have ended the call."""
    if credentials is None:
        return ()
    if not channel.secure:
        call.cancel(UNAUTHENTICATED, texts.CALL_CREDENTIALS)
        return None
    return ()
