"""Libraries with one registry a process: replicas of a service do not meet in it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

METRICS = """
import time
from prometheus_client import Counter, generate_latest

ORDERS = Counter("orders", "Orders that were taken")

def serve(count):
    for _ in range(count):
        ORDERS.inc()
        time.sleep(1)
    return generate_latest().decode()
"""

SITE = """
import os, time
import django
from django.conf import settings
from django.http import JsonResponse
from django.urls import path

settings.configure(
    ROOT_URLCONF=__name__, SECRET_KEY=os.environ["NAME"], ALLOWED_HOSTS=["*"], LANGUAGE_CODE=os.environ["LANGUAGE"]
)
django.setup()

def hello(request):
    from django.utils.translation import get_language
    before = get_language()
    time.sleep(1)
    return JsonResponse({"name": settings.SECRET_KEY, "language": [before, get_language()]})

urlpatterns = [path(os.environ["NAME"] + "/", hello)]

def ask():
    from django.test import Client
    client = Client()
    return client.get("/" + os.environ["NAME"] + "/").json(), client.get("/nowhere/").status_code
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The sources of two services."""
    (tmp_path / "metrics_service.py").write_text(METRICS)
    (tmp_path / "site_service.py").write_text(SITE)
    return tmp_path


def test_replicas_count_in_prometheus_registries_of_their_own(lab: Callable[..., Any], folder: Path) -> None:
    """Two replicas declare the same counter, and each exports what it counted itself."""
    pytest.importorskip("prometheus_client")

    def main(count: int) -> str:
        import metrics_service  # type: ignore[import-not-found]  # of the host's own folder

        return str(metrics_service.serve(count))

    shared = sys.modules["prometheus_client"]
    with lab() as sim:
        tasks = [sim.start(sim.boot(f"shop/{number}", [folder]), main, 2 + number) for number in range(2)]
        sim.wait(*tasks)
        texts = [task.result_value for task in tasks]
    assert ["orders_total 2.0" in texts[0], "orders_total 3.0" in texts[1]] == [True, True]
    assert sys.modules["prometheus_client"] is shared
    assert "orders_total" not in shared.generate_latest().decode()


def test_two_djangos_run_side_by_side(lab: Callable[..., Any], folder: Path) -> None:
    """Each has its settings, routes and active language, also when their requests overlap."""
    pytest.importorskip("django")

    def main() -> Any:
        import site_service  # type: ignore[import-not-found]  # of the host's own folder

        return site_service.ask()

    with lab() as sim:
        tasks = []
        for name, language in (("shop", "de"), ("stock", "fr")):
            process = sim.boot(f"{name}/0", [folder])
            process.environ.update({b"NAME": name.encode(), b"LANGUAGE": language.encode()})
            tasks.append(sim.start(process, main))
        sim.wait(*tasks)
        assert [task.result_value for task in tasks] == [
            ({"name": "shop", "language": ["de", "de"]}, 404),
            ({"name": "stock", "language": ["fr", "fr"]}, 404),
        ]
        assert sim.kernel.now == 1_000_000_000, "side by side"
