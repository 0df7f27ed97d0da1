"""The object that a scenario names: applications and factories."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from meshsim.errors import UsageError
from meshsim.services.loading import load_application


def application(environ: Any, start: Any) -> list[bytes]:
    """Answer nothing."""
    return []


def factory() -> Any:
    """Return an application."""
    return application


def spec(**target: Any) -> Any:
    """Return the spec of a service with a target."""
    named = {"value": None, "module": None, "attribute": None, "script": None, **target}
    return SimpleNamespace(name="shop", adapter="wsgi", target=SimpleNamespace(**named) if target else None)


def test_an_application_is_taken_as_it_is() -> None:
    """An object from code is the application itself."""
    assert load_application(spec(value=application)) is application


def test_a_function_without_arguments_is_a_factory() -> None:
    """A function that takes nothing is called, and what it returns is the application."""
    assert load_application(spec(value=factory)) is application


def test_a_dotted_attribute_is_followed() -> None:
    """An attribute may lie inside another."""
    assert load_application(spec(module="os", attribute="path.join")) is __import__("os").path.join


def test_a_service_without_code_is_told_what_to_write() -> None:
    """A service that names no code is an error with the line that would."""
    with pytest.raises(UsageError, match=r"service 'shop' names no code; write wsgi: \"module:attribute\""):
        load_application(spec())
