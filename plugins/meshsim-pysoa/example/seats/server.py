"""The seats server."""

from __future__ import annotations

import os

import redis
from conformity import fields
from pysoa.common.errors import Error
from pysoa.server.action.base import Action
from pysoa.server.errors import ActionError
from pysoa.server.server import Server as BaseServer

SEAT = fields.Integer(gte=1, lte=200)


class Reserve(Action):
    """Reserve a seat. Safe to repeat: the same customer has the same seat."""

    request_schema = fields.Dictionary({"seat": SEAT, "customer": fields.UnicodeString(min_length=1)})
    response_schema = fields.Dictionary({"seat": SEAT, "customer": fields.UnicodeString()})

    def __init__(self, settings, store):
        super().__init__(settings)
        self._store = store

    def run(self, request):
        seat, customer = request.body["seat"], request.body["customer"]
        # One command: whoever writes first has the seat, however many servers there are.
        self._store.hsetnx("seats", str(seat), customer)
        owner = self._store.hget("seats", str(seat))
        if owner != customer:
            error = Error(code="TAKEN", message=f"seat {seat} is taken", field="seat", is_caller_error=True)
            raise ActionError(errors=[error], set_is_caller_error_to=None)
        return {"seat": seat, "customer": owner}


class Server(BaseServer):
    service_name = "seats"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        store = redis.Redis(host=os.environ.get("STORE", "localhost"), decode_responses=True)
        self.action_class_map = {"reserve": lambda settings: Reserve(settings, store)}
