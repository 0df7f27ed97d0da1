"""Services with protos of the same name, side by side, each with modules and a pool of its own."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf import descriptor_pool, timestamp_pb2

from meshsim.world import World

if TYPE_CHECKING:
    from pathlib import Path

PROTO = """
syntax = "proto3";
package service;
import "google/protobuf/timestamp.proto";
message Question { string %(field)s = 1; google.protobuf.Timestamp at = 2; }
message Answer { string %(field)s = 1; google.protobuf.Timestamp at = 2; }
service Service { rpc Ask(Question) returns (Answer); }
"""
SERVICER = """
import service_pb2
import service_pb2_grpc
from google.protobuf import json_format, timestamp_pb2


class Service(service_pb2_grpc.ServiceServicer):
    def Ask(self, request, context):
        at = timestamp_pb2.Timestamp(seconds=7)
        answer = service_pb2.Answer(%(field)s=request.%(field)s + "!", at=at)
        answer.at.CopyFrom(at)
        assert json_format.MessageToDict(answer)["at"] == "1970-01-01T00:00:07Z"
        return answer
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world of two services, each of whose protos is called service.proto and holds another message."""
    services: dict[str, Any] = {}
    for name, field in (("left", "sku"), ("right", "price")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "service.proto").write_text(PROTO % {"field": field})
        (folder / "servicer.py").write_text(textwrap.dedent(SERVICER) % {"field": field})
        services[name] = {
            "grpc": {"servicer": "servicer:Service", "proto": "service.proto"},
            "path": str(folder),
        }
    return World.from_file({"services": services})


def ask(mesh: World, name: str, field: str) -> Any:
    """Ask a service by its own generated code, on its host."""
    with mesh.on(f"{name}/0"):
        host = mesh.host(f"{name}/0")
        question = host.module("service_pb2").Question(**{field: name})
        with grpc.insecure_channel(f"{name}:50051") as channel:
            return getattr(
                host.module("service_pb2_grpc").ServiceStub(channel).Ask(question, timeout=5), field
            )


def test_two_protos_of_one_name_live_side_by_side(world: World) -> None:
    """Two services with a service.proto each, different from each other, both boot and both answer."""
    with world as mesh:
        assert ask(mesh, "left", "sku") == "left!"
        assert ask(mesh, "right", "price") == "right!"
        assert ask(mesh, "left", "sku") == "left!"


def test_what_is_everybody_s_stays_as_it_was(world: World) -> None:
    """The runner's own generated modules and its pool are the same before, in and after a world."""
    before = timestamp_pb2.Timestamp
    with world as mesh:
        ask(mesh, "left", "sku")
        theirs = mesh.host("left/0").module("google.protobuf.timestamp_pb2").Timestamp
        from google.protobuf import timestamp_pb2 as here

        assert here.Timestamp is before
        assert theirs is not before
    from google.protobuf import timestamp_pb2 as after

    assert after.Timestamp is before
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindFileByName("service.proto")
