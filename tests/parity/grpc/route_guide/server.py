"""A server of the route guide: `python server.py PORT`."""

from __future__ import annotations

import json
import math
import sys
import time
from concurrent import futures
from pathlib import Path

import grpc
import route_guide_pb2
import route_guide_pb2_grpc

EARTH_METRES = 6_371_000


def read_features():
    """Return the features of the database, in its order."""
    entries = json.loads(Path(__file__).with_name("features.json").read_text())
    return [
        route_guide_pb2.Feature(
            name=entry["name"],
            location=route_guide_pb2.Point(latitude=entry["latitude"], longitude=entry["longitude"]),
        )
        for entry in entries
    ]


def metres(start, end):
    """Return the distance between two points along a great circle."""
    lat_1, lat_2 = math.radians(start.latitude / 1e7), math.radians(end.latitude / 1e7)
    half_lat = (lat_2 - lat_1) / 2
    half_lon = math.radians((end.longitude - start.longitude) / 1e7) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(lat_1) * math.cos(lat_2) * math.sin(half_lon) ** 2
    return 2 * EARTH_METRES * math.asin(math.sqrt(chord))


class RouteGuide(route_guide_pb2_grpc.RouteGuideServicer):
    """Answers from a small database."""

    def __init__(self):
        self.features = read_features()

    def at(self, point):
        return next((feature for feature in self.features if feature.location == point), None)

    def GetFeature(self, request, context):
        return self.at(request) or route_guide_pb2.Feature(name="", location=request)

    def ListFeatures(self, request, context):
        south, north = sorted((request.lo.latitude, request.hi.latitude))
        west, east = sorted((request.lo.longitude, request.hi.longitude))
        for feature in self.features:
            where = feature.location
            if south <= where.latitude <= north and west <= where.longitude <= east:
                yield feature

    def RecordRoute(self, request_iterator, context):
        begun, points, found, walked, before = time.time(), 0, 0, 0.0, None
        for point in request_iterator:
            points += 1
            feature = self.at(point)
            found += feature is not None and feature.name != ""
            if before is not None:
                walked += metres(before, point)
            before = point
        return route_guide_pb2.RouteSummary(
            point_count=points,
            feature_count=found,
            distance=round(walked),
            elapsed_time=int(time.time() - begun),
        )

    def RouteChat(self, request_iterator, context):
        left = []
        for note in request_iterator:
            yield from (old for old in left if old.location == note.location)
            left.append(note)


def serve(port=50051):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=10))
    route_guide_pb2_grpc.add_RouteGuideServicer_to_server(RouteGuide(), server)
    server.add_insecure_port(f"[::]:{port}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
