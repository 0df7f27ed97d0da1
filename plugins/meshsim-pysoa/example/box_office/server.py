"""The box office's server."""

from __future__ import annotations

import os

from conformity import fields
from pysoa.client.client import Client
from pysoa.common.errors import Error
from pysoa.common.transport.errors import PySOATransportError
from pysoa.server.action.base import Action
from pysoa.server.errors import ActionError
from pysoa.server.server import Server as BaseServer

ATTEMPTS = int(os.environ.get("ATTEMPTS", "3"))


class Buy(Action):
    """Sell a seat."""

    request_schema = fields.Dictionary(
        {"seat": fields.Integer(), "customer": fields.UnicodeString(min_length=1)}
    )

    def run(self, request):
        for _ in range(ATTEMPTS):
            # Not `request.client` again: a PySOA client whose call timed out goes on waiting for that answer.
            client = Client(self.settings["client_routing"], context=request.context)
            try:
                return dict(client.call_action("seats", "reserve", request.body, timeout=1).body, sold=True)
            except Client.CallActionError as error:
                raise ActionError(errors=error.actions[0].errors, set_is_caller_error_to=None) from error
            except PySOATransportError:
                continue
        unavailable = Error(
            code="UNAVAILABLE", message="the seats service does not answer", is_caller_error=False
        )
        raise ActionError(errors=[unavailable], set_is_caller_error_to=None)


class Server(BaseServer):
    service_name = "box_office"
    action_class_map = {"buy": Buy}
