"""grpcio-testing drives a single servicer, without a network, in a world as outside of one."""

from __future__ import annotations

from typing import Any

import grpc
import grpc_testing
import pytest
from grpc_health.v1 import health, health_pb2

from meshsim.world import World

HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"]


def check(service: str) -> Any:
    """Ask a health servicer by grpcio-testing; returns the answer's status and the call's code."""
    servicer = health.HealthServicer()
    servicer.set("shop", health_pb2.HealthCheckResponse.SERVING)
    server = grpc_testing.server_from_dictionary({HEALTH: servicer}, grpc_testing.strict_real_time())
    call = server.invoke_unary_unary(
        HEALTH.methods_by_name["Check"], (), health_pb2.HealthCheckRequest(service=service), 5
    )
    answer, _, code, _ = call.termination()
    return answer.status if answer is not None else None, code


@pytest.mark.parametrize("service", ["shop", "nobody"])
def test_a_servicer_is_driven_in_a_world_as_outside(service: str) -> None:
    """A servicer answers grpcio-testing the same in a world and outside."""
    outside = check(service)
    with World(seed=1).service("idle", python=lambda: None):
        assert check(service) == outside
    assert outside[1] is (grpc.StatusCode.OK if service == "shop" else grpc.StatusCode.NOT_FOUND)
