"""A user's own functions, always and eventually."""

from __future__ import annotations

import pytest

from meshsim.checks import ALWAYS, EVENTUALLY, Verdict, Watched

SECOND = 10**9


def test_always_holds_while_it_holds() -> None:
    """A function that returns True or nothing each time passes."""
    answers = iter([True, None])
    watched = Watched("checks.shop:stock", lambda: next(answers), ALWAYS)
    assert watched.look(1)
    assert watched.look(2)
    assert watched.result().verdict == Verdict.PASS
    assert not watched.decided


def test_always_keeps_the_first_breach() -> None:
    """The first breach decides, with its moment and message; later ones do not change it."""
    stock = iter([1, -1, -2])

    def never_negative() -> None:
        left = next(stock)
        assert left >= 0, f"stock is {left}"

    watched = Watched("checks.shop:stock", never_negative, ALWAYS)
    held = [watched.look(at * SECOND) for at in (1, 2, 3)]
    assert held == [True, False, False]
    assert watched.decided
    result = watched.result()
    assert result.verdict == Verdict.FAIL
    assert result.headline.startswith("checks.shop:stock broke at 2s: stock is -1")
    assert result.evidence[0].at_ns == 2 * SECOND  # type: ignore[union-attr]


def test_eventually_needs_to_hold_once() -> None:
    """It passes from the first moment at which it holds, counted from when it was first asked."""
    answers = iter([False, False, True])
    watched = Watched("checks.shop:ships", lambda: next(answers), EVENTUALLY)
    for at in (10, 11, 12):
        assert not watched.decided
        watched.look(at * SECOND)
    assert watched.decided
    result = watched.result(began_ns=10 * SECOND)
    assert result.verdict == Verdict.PASS
    assert result.lines == ("after 2s, at the third look",)


def test_eventually_fails_with_the_last_reason() -> None:
    """What never held fails with the reason of the last look."""
    answers = iter(["3 orders not shipped", "1 order not shipped"])

    def ships() -> None:
        raise AssertionError(next(answers))

    watched = Watched("checks.shop:ships", ships, EVENTUALLY)
    watched.look(1)
    watched.look(2)
    result = watched.result(within_ns=30 * SECOND)
    assert result.verdict == Verdict.FAIL
    assert result.headline == "checks.shop:ships never came true within 30s: 1 order not shipped"
    assert result.lines == ("2 looks",)


@pytest.mark.parametrize("kind", [ALWAYS, EVENTUALLY])
def test_what_was_never_looked_at_is_unknown(kind: str) -> None:
    """A function that was never called shows nothing."""
    assert Watched("checks.shop:ships", lambda: True, kind).result().verdict == Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda: False, "returned False"),
        (lambda: [0], "returned list; return True or False, or use assert"),
        (lambda: {"y": 1}["x"], "raised KeyError: 'x'"),
    ],
)
def test_other_ways_to_say_no(function: object, reason: str) -> None:
    """False, an exception, and an answer that is neither True nor False are each a breach that says so."""
    watched = Watched("checks.shop:x", function, ALWAYS)  # type: ignore[arg-type]
    watched.look(0)
    assert reason in watched.result().headline


def test_the_function_gets_what_the_runner_gives() -> None:
    """Arguments are passed through, so that the function gets its mesh."""
    watched = Watched("checks.shop:x", lambda mesh: mesh == "mesh", ALWAYS)
    assert watched.look(0, "mesh")
