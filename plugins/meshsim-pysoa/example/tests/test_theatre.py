"""The theatre's own tests; `mesh` is the world of theatre.mesh.yaml, in which nothing is broken."""

from __future__ import annotations

import pytest
from pysoa.client.client import Client


def buy(mesh, seat, customer):
    return (
        mesh.client("box_office").call_action("box_office", "buy", {"seat": seat, "customer": customer}).body
    )


def test_a_seat_is_sold_once(mesh):
    """The second customer hears that the seat is taken."""
    assert buy(mesh, 7, "ann") == {"seat": 7, "customer": "ann", "sold": True}
    with pytest.raises(Client.CallActionError, match="TAKEN"):
        buy(mesh, 7, "bob")


def test_a_lost_job_is_sent_again(mesh):
    """The box office does not notice a lost reservation for longer than a second."""
    with mesh.fault(drop={"to": "seats reserve", "first": 1}) as loss:
        assert buy(mesh, 8, "ann")["sold"]
    assert loss.fired == 1
    lost, answered = mesh.trace.requests("box_office -> seats reserve")
    assert lost.failed and answered.answered


def test_the_box_office_says_when_seats_is_closed(mesh):
    """An error of the seats service reaches the customer."""
    route = mesh.stub("seats reserve", error={"code": "CLOSED", "message": "after hours"})
    with pytest.raises(Client.CallActionError, match="CLOSED"):
        buy(mesh, 9, "ann")
    assert route.call_count == 1


def test_the_box_office_gives_up_when_nobody_answers(mesh):
    """After three attempts of a second each the customer is told."""
    mesh.stub("seats reserve", error="timeout")
    with pytest.raises(Client.CallActionError, match="UNAVAILABLE"):
        buy(mesh, 10, "ann")
    assert len(mesh.trace.requests("box_office -> seats reserve")) == 3
    assert 3 <= mesh.now < 4
