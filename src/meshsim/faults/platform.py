"""Verbs at the platform: what only a platform service itself can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from meshsim.faults.act import Setting
    from meshsim.trace import Call

__all__ = ["PLATFORM_VERBS", "FailoverAct"]


class FailoverAct:
    """A replica becomes the master; what was acknowledged in the last `lose_ns` may be gone."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self.fired = 0

    def begin(self, call: Call | None) -> None:  # noqa: ARG002 - the shape of an act
        """Have the platform service do it, on the hub."""
        setting = self._setting
        name = setting.spec.targets[0].target.name
        lose: Any = setting.spec.params.get("lose_ns")
        platform = setting.nemesis.platforms[name]
        self.fired += 1
        setting.nemesis.kernel.call_at(setting.nemesis.kernel.now, platform.failover, lose or 0)

    def end(self) -> None:
        """Do nothing: it happened at a moment."""


PLATFORM_VERBS: Final = {"failover": FailoverAct}
