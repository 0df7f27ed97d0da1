"""Call credentials: what they add to a call's metadata.

Channel credentials are accepted and prove nothing, but a channel without any refuses to pass call credentials
on, as gRPC's core does. Plugins of an application run in the flow that makes the call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim.transports.grpc import metadata, texts
from meshsim.transports.grpc.status import INTERNAL, UNAUTHENTICATED

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.transports.grpc.call import ClientCall
    from meshsim.transports.grpc.wire import Metadata


def plugins_of(credentials: Any) -> list[Any]:
    """Return the plugins of call credentials, or of a channel's, in their order."""
    if credentials is None:
        return []
    plugin = getattr(credentials, "_metadata_plugin", None)
    if plugin is not None:
        return [plugin]
    return [found for one in getattr(credentials, "_call_credentialses", ()) for found in plugins_of(one)]


def start(channel: Any, call: ClientCall, sent: Metadata, credentials: Any) -> None:
    """Begin a call, with what its credentials and its channel's add to its metadata.

    Args:
        channel: the seam's channel; `secure` and `plugins` are asked for.
        call: the call.
        sent: the application's metadata.
        credentials: the call's own, or None.
    """
    if credentials is None and not channel.plugins:
        call.start(sent)
    elif channel.secure:
        _ask(call, [*channel.plugins, *plugins_of(credentials)], sent)
    else:
        call.cancel(UNAUTHENTICATED, texts.CALL_CREDENTIALS)


def _ask(call: ClientCall, plugins: list[Any], sent: Metadata) -> None:
    """Ask the first plugin, and the others when it has answered."""
    if not plugins:
        call.start(sent)
        return
    service, _, method = call.method.lstrip("/").rpartition("/")
    plugins[0](f"https://{call.channel.authority}/{service}", method, _answer(call, plugins[1:], sent))


def _answer(call: ClientCall, others: list[Any], sent: Metadata) -> Callable[[Any, Any, Any], None]:
    def answered(given: Any, code: Any, details: Any) -> None:
        if int(code):
            call.cancel(INTERNAL, texts.PLUGIN_FAILED + metadata.encoded(details))
            return
        try:
            more = metadata.read(given)
        except metadata.InvalidMetadataError:
            call.cancel(INTERNAL, texts.INVALID_METADATA)
        else:
            _ask(call, others, sent + more)

    return answered
