"""The object that a scenario names, taken from the host's own modules."""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any

from meshsim.errors import UsageError

if TYPE_CHECKING:
    from meshsim.graph import ServiceSpec


def load_target(spec: ServiceSpec) -> Any:
    """Import what the service names, in the calling host.

    Raises:
        UsageError: the service names nothing, or its module has no such attribute.
        ImportError: as its module raises it.
    """
    target = spec.target
    if target is None:
        msg = f'service {spec.name!r} names no code; write {spec.adapter}: "module:attribute"'
        raise UsageError(msg)
    if target.value is not None:
        return target.value
    if target.module is None or target.attribute is None:
        msg = f"service {spec.name!r}: {target} is not module:attribute, as shop.app:app"
        raise UsageError(msg)
    found: Any = importlib.import_module(target.module)
    for name in target.attribute.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            msg = f"service {spec.name!r}: the module {target.module} has no {target.attribute!r}"
            raise UsageError(msg) from None
    return found


def load_application(spec: ServiceSpec) -> Any:
    """Import an application; a function without arguments is a factory and is called.

    A factory needs no mark of its own: WSGI and ASGI applications take two and three arguments.
    """
    found = load_target(spec)
    if inspect.isfunction(found) and not inspect.signature(found).parameters:
        return found()
    return found
