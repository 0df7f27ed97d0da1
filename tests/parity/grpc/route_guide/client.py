"""A client of the route guide: `python client.py HOST:PORT`."""

from __future__ import annotations

import sys

import grpc
import route_guide_pb2
import route_guide_pb2_grpc
from route_guide_pb2 import Point


def show(feature):
    where = f"{feature.location.latitude / 1e7:.4f}, {feature.location.longitude / 1e7:.4f}"
    print(f"{feature.name or 'nothing'} at {where}")


def get_features(stub):
    for latitude, longitude in ((540000000, 70000000), (0, 0)):
        show(stub.GetFeature(Point(latitude=latitude, longitude=longitude)))
    call = stub.GetFeature.future(Point(latitude=543500000, longitude=75000000))
    show(call.result())


def list_features(stub):
    area = route_guide_pb2.Rectangle(
        lo=Point(latitude=535000000, longitude=60000000), hi=Point(latitude=545000000, longitude=80000000)
    )
    for feature in stub.ListFeatures(area):
        show(feature)


def route():
    for latitude, longitude in (
        (540000000, 70000000),
        (541000000, 71500000),
        (541200000, 71700000),
        (543500000, 75000000),
    ):
        yield Point(latitude=latitude, longitude=longitude)


def record_route(stub):
    summary = stub.RecordRoute(route())
    print(f"{summary.point_count} points, {summary.feature_count} features, {summary.distance} m")


def notes():
    for text, latitude in (("first", 1), ("second", 2), ("third", 1), ("fourth", 1), ("fifth", 2)):
        note = route_guide_pb2.RouteNote(message=text, location=Point(latitude=latitude, longitude=0))
        print(f"leaves {text} at {latitude}")
        yield note


def chat(stub):
    answers = [f"hears {note.message} at {note.location.latitude}" for note in stub.RouteChat(notes())]
    print("\n".join(answers))


def main(address="localhost:50051"):
    with grpc.insecure_channel(address) as channel:
        stub = route_guide_pb2_grpc.RouteGuideStub(channel)
        for name, part in (
            ("GetFeature", get_features),
            ("ListFeatures", list_features),
            ("RecordRoute", record_route),
            ("RouteChat", chat),
        ):
            print(f"-- {name}")
            part(stub)


if __name__ == "__main__":
    main(*sys.argv[1:])
