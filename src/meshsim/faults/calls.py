"""Verbs at calls: an error instead of an answer, a delay before it, or no answer at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from meshsim.faults.act import Chosen, Setting
from meshsim.faults.interception import ErrorReply, Standing

if TYPE_CHECKING:
    from meshsim.trace import Call

__all__ = ["CALL_VERBS", "CallsAct"]


class CallsAct:
    """A fault that rooms ask about before they answer."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._standing: Standing | None = None
        self._fired_before = 0

    @property
    def fired(self) -> int:
        """How many calls it met."""
        return self._fired_before + (self._standing.fired if self._standing is not None else 0)

    def begin(self, call: Call | None) -> None:  # noqa: ARG002 - the shape of an act
        """Stand among the interceptions."""
        self.end()
        setting = self._setting
        when, params = setting.spec.when, setting.spec.params
        error = None
        if setting.spec.verb == "error":
            made: dict[str, Any] = {name: params.get(name) for name in ("status", "text", "json", "code")}
            made["text"] = made["text"] or params.get("message")
            error = ErrorReply(**made)
        by: Any = params.get("by")
        self._standing = Standing(
            setting.spec.targets[0],
            Chosen(setting, skip=when.after_calls or when.after_messages or 0),
            error,
            None if by is None else lambda: by.sample(setting.draws),
            drop=setting.spec.verb == "drop",
        )
        setting.nemesis.intercept(self._standing)

    def end(self) -> None:
        """Stand there no more."""
        if self._standing is not None:
            self._setting.nemesis.interceptions.standing.remove(self._standing)
            self._fired_before += self._standing.fired
            self._standing = None


CALL_VERBS: Final = {"error": CallsAct, "delay": CallsAct, "drop": CallsAct}
