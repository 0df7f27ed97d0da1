"""What the network can do to whoever uses it; each room turns these into its own library's exceptions.

Outcome
├── NameUnknown        resolve: no party has that name
├── ConnectRefused     connect: nothing listens on the port, or the host is full
├── ConnectTimeout     connect: no answer within the caller's own timeout
├── SendTimeout        request: the peer does not take what is sent
├── ReceiveTimeout     response: nothing came within the caller's own timeout
└── ConnectionReset    any phase: the peer, or something between, broke the connection
"""

from __future__ import annotations


class Outcome(Exception):  # noqa: N818 - outcomes of a phase; rooms turn them into errors
    """The root; `text` says which parties and which port."""


class NameUnknown(Outcome):
    """No party of the world has that name."""


class ConnectRefused(Outcome):
    """Nothing listens there."""


class ConnectTimeout(Outcome):
    """No answer to the attempt to connect."""


class SendTimeout(Outcome):
    """The peer does not take what is sent."""


class ReceiveTimeout(Outcome):
    """Nothing came in time."""


class ConnectionReset(Outcome):
    """The connection was broken."""
