"""Which reply comes next: those of an operation in their order, the last one from then on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from meshsim.transports.http.codec import ResponseHead

if TYPE_CHECKING:
    from meshsim.graph import ReplySpec, ResponseSpec


class Script:
    """The answers of one outside API.

    Args:
        responses: what the scenario says, one entry an operation.
    """

    def __init__(self, responses: tuple[ResponseSpec, ...]) -> None:
        self._responses = responses
        self._turns = [0] * len(responses)

    def next_reply(self, operation: str) -> ReplySpec | None:
        """Return the next reply to a concrete operation, or None where the scenario has none."""
        for index, response in enumerate(self._responses):
            if response.match.matches(operation) and response.replies:
                turn = self._turns[index]
                self._turns[index] = turn + 1
                return response.replies[min(turn, len(response.replies) - 1)]
        return None

    def operations(self) -> list[str]:
        """Return what can be asked, as the scenario writes it."""
        return [response.match.text for response in self._responses]


def head_of(reply: ReplySpec) -> ResponseHead:
    """Return a reply as it goes over the wire."""
    if reply.json is not None:
        kind, body = "application/json", json.dumps(reply.json).encode()
    else:
        kind, body = "text/plain; charset=utf-8", (reply.body or "").encode()
    headers = [(name, str(value)) for name, value in reply.headers.items()]
    named = {name.lower() for name, _ in headers}
    if "content-type" not in named and body:
        headers.append(("Content-Type", kind))
    if "content-length" not in named:
        headers.append(("Content-Length", str(len(body))))
    return ResponseHead(reply.status, headers, body)


def unknown(operation: str, host: str, known: list[str]) -> ResponseHead:
    """Return the answer to what the scenario has no reply for: 501, and what it has."""
    there = ", ".join(known) or "none at all"
    text = f"meshsim: {host} has no reply to {operation} in the scenario; it has {there}"
    body = text.encode()
    return ResponseHead(
        501, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))], body
    )
