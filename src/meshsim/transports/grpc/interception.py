"""What becomes of a call before its server's application sees it: a stub's answer, or a fault's.

Stubs are asked first, the newest before the others, then the faults at calls of the world's nemesis. Both run
on the hub: they decide from data, never by calling a user's code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshsim.kernel import api
from meshsim.transports.grpc.status import NUMBERS, UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.transports.grpc.served import ServedCall

    Interceptor = Callable[[ServedCall, str], "Interception | None"]


@dataclass(frozen=True, slots=True)
class Interception:
    """What becomes of one call.

    Attributes:
        answer: called on the hub with the call and its server; None lets the server answer.
        delay_ns: how long the call is held up before either.
        drop: whether nobody ever answers.
    """

    answer: Callable[[ServedCall, Any], None] | None = None
    delay_ns: int = 0
    drop: bool = False


def interceptors() -> list[Interceptor]:
    """Return the stubs of the current world, in the order in which they are asked."""
    kernel = api.kernel()
    found: list[Interceptor] | None = getattr(kernel, "grpc_interceptors", None)
    if found is None:
        found = []
        # What rooms hang on a world; it goes with the world.
        setattr(kernel, "grpc_interceptors", found)  # noqa: B010 - the kernel knows of no room
    return found


def intercept(call: ServedCall, host: str) -> Interception | None:
    """Return what the first stub, or else the faults, say of a call."""
    kernel = api.kernel()
    for interceptor in getattr(kernel, "grpc_interceptors", ()):
        found: Interception | None = interceptor(call, host)
        if found is not None:
            return found
    nemesis = getattr(kernel.world, "nemesis", None)
    if nemesis is None or not nemesis.interceptions.standing:
        return None
    fault = nemesis.interceptions.for_call(call.caller, host, call.begin.method.lstrip("/"))
    if fault is None:
        return None
    return Interception(None if fault.error is None else _by(fault.error), fault.delay_ns, fault.drop)


def _by(error: Any) -> Callable[[ServedCall, Any], None]:
    """Answer with a fault's status, by its name or its number; UNAVAILABLE where it names none of gRPC's."""
    code = NUMBERS.get(str(error.status), error.status if isinstance(error.status, int) else UNAVAILABLE)
    text = error.text if error.text is not None else "meshsim: an error fault"

    def answer(call: ServedCall, _server: Any) -> None:
        call.finish(code, text, ())

    return answer
