"""The server."""

from __future__ import annotations

import os
import socket
import time
from typing import Any, ClassVar

from pysoa.common.errors import Error
from pysoa.server.action.base import Action
from pysoa.server.errors import ActionError
from pysoa.server.middleware import ServerMiddleware
from pysoa.server.server import Server as BaseServer

DONE: list[Any] = []


class Echo(Action):
    """Answers with what it was sent, after a while."""

    def run(self, request: Any) -> dict[str, Any]:
        time.sleep(request.body.get("sleep", 0))
        DONE.append(request.body)
        return dict(request.body)


class Host(Action):
    """Says on which host it runs."""

    def run(self, request: Any) -> dict[str, Any]:
        time.sleep(request.body.get("sleep", 0))
        return {"host": socket.gethostname(), "pid": os.getpid()}


class Blob(Action):
    """Answers with a text of the wanted length."""

    def run(self, request: Any) -> dict[str, Any]:
        return {"blob": "x" * request.body["size"]}


class Refuse(Action):
    """Says that the caller is wrong."""

    def run(self, request: Any) -> dict[str, Any]:
        raise ActionError(
            errors=[Error(code="SOLD_OUT", message="none left", is_caller_error=True)],
            set_is_caller_error_to=None,
        )


class Break(Action):
    """Goes wrong."""

    def run(self, request: Any) -> dict[str, Any]:
        raise ValueError("a bug")


class Items(Action):
    """Looks up what it is asked for."""

    def run(self, request: Any) -> dict[str, Any]:
        return {"items": {name: {"_type": "item", "name": name.upper()} for name in request.body["ids"]}}


class Context(Action):
    """Says what came along with the job."""

    def run(self, request: Any) -> dict[str, Any]:
        context = {name: value for name, value in request.context.items() if name != "switches"}
        return {"context": context, "switched": 7 in request.switches}


class Stamp(ServerMiddleware):
    """Counts jobs and actions in what actions answer."""

    def __init__(self) -> None:
        self.jobs = 0

    def job(self, process_job: Any) -> Any:
        def counted(request: Any) -> Any:
            self.jobs += 1
            return process_job(request)

        return counted

    def action(self, process_action: Any) -> Any:
        def stamped(request: Any) -> Any:
            response = process_action(request)
            response.body["jobs"] = self.jobs
            return response

        return stamped


class Die(Action):
    """Takes its process down, as a crash in C does."""

    def run(self, request: Any) -> dict[str, Any]:
        os._exit(9)


class Forward(Action):
    """Asks the depot behind this one, with the client that PySOA gives to each action."""

    def run(self, request: Any) -> dict[str, Any]:
        return dict(request.client.call_action("back", request.body["action"], request.body["body"]).body)


class Server(BaseServer):
    """The depot."""

    service_name = "depot"
    action_class_map: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "echo": Echo,
        "host": Host,
        "blob": Blob,
        "refuse": Refuse,
        "break": Break,
        "die": Die,
        "items": Items,
        "context": Context,
        "forward": Forward,
    }


class Back(Server):
    """The depot behind the depot."""

    service_name = "back"


class Hasty(Server):
    """A depot that gives up as soon as it is set up."""

    def setup(self) -> None:
        self.shutting_down = True
