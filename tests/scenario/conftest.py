"""A folder with a small project in it, and what a scenario written there says or gets wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from meshsim import scenario
from meshsim.errors import ScenarioError
from meshsim.scenario import Words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILES = (
    "shop/__init__.py",
    "shop/app.py",
    "stock.py",
    "checks.py",
    "loads.py",
    "orders/server.py",
    "tool.py",
)
SERVICES = """\
services:
  shop: {wsgi: "shop.app:app", replicas: 2}
  stock: {asgi: "stock:app"}
  orders: {pysoa: "orders.server:Server"}
platform:
  cache: {redis: {}}
  sentinel: {redis_sentinel: {master: cache}}
  mail: {external: {host: api.mail.example.com}}
"""
"""What most tests need to refer to."""


@pytest.fixture
def words() -> Words:
    """The words of meshsim and one plugin, whatever is installed."""
    return Words(plugin_adapters=frozenset({"pysoa"}), plugin_platform=frozenset({"kafka"}))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with modules in it, which is the current one."""
    for name in FILES:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def load(project: Path, words: Words) -> Callable[..., Any]:
    """Write a scenario into the project and return what it says, by section."""

    def load_text(text: str, **options: Any) -> dict[str, Any]:
        (project / "x.mesh.yaml").write_text(text, encoding="utf-8")
        return scenario.load("x.mesh.yaml", registry=words, **options).values

    return load_text


@pytest.fixture
def wrong(load: Callable[..., Any]) -> Callable[..., list[str]]:
    """Write a scenario into the project and return its mistakes as `LINE:COL: message`."""

    def mistakes_of(text: str, **options: Any) -> list[str]:
        with pytest.raises(ScenarioError) as caught:
            load(text, **options)
        return [str(mistake).removeprefix("x.mesh.yaml:") for mistake in caught.value.mistakes]

    return mistakes_of


@pytest.fixture
def section(load: Callable[..., Any]) -> Callable[..., Any]:
    """Return what one section says, in a scenario with the usual services."""

    def load_section(name: str, text: str) -> Any:
        return load(SERVICES + text)[name]

    return load_section


@pytest.fixture
def wrong_section(wrong: Callable[..., list[str]]) -> Callable[[str], list[str]]:
    """Return the mistakes of text that follows the usual services, lines counted from its own first."""

    def mistakes_of(text: str) -> list[str]:
        above = SERVICES.count("\n")
        found = []
        for mistake in wrong(SERVICES + text):
            line, rest = mistake.split(":", 1)
            found.append(f"{int(line) - above}:{rest}")
        return found

    return mistakes_of
