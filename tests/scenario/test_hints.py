"""The traps of YAML that a scenario walks into: each syntax error says what was probably meant."""

from __future__ import annotations

import pytest

from meshsim.errors import ScenarioError
from meshsim.scenario.reading import read_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("* -> cache: {}\n", '1:1: an unquoted * starts an alias in YAML: quote it, "* -> cache"'),
        ("a: {to: *}\n", '1:9: an unquoted * starts an alias in YAML: quote it, "*"'),
        ("a: *orders\n", '1:4: an unquoted * starts an alias in YAML: quote it, "*orders"'),
        (
            "w: {call: shop GET /items/{id}, rate: 1/s}\n",
            (
                "1:27: an unquoted { ends plain text inside {: "
                'write shop GET /items/:id, or quote "shop GET /items/{id}"'
            ),
        ),
        (
            "w: [shop GET /items/{id}/x]\n",
            (
                "1:21: an unquoted { ends plain text inside [: "
                'write shop GET /items/:id/x, or quote "shop GET /items/{id}/x"'
            ),
        ),
        ("a: {b: c: d}\n", '1:9: "key: value" inside plain text starts a new key: quote the text, "c: d"'),
        ("a: b: c\n", '1:5: "key: value" inside plain text starts a new key: quote the text, "b: c"'),
        ("a: {b: 1\n", "1:4: the { that opens here is never closed"),
        ("a: [1, 2\nb: 3\n", "1:4: the [ that opens here is not closed before the key at line 2"),
        ("a: 'x\n", "1:4: the quote ' that opens here is never closed"),
        ("a: @b\n", "1:4: '@' cannot start plain text: quote it"),
        (
            "a: {b: 1 c: 2}\n",
            '1:11: "key: value" inside plain text starts a new key: quote the text, "1 c: 2"',
        ),
        (
            "a:\n  b: 1\n c: 2\n",
            "3:2: this line does not fit what stands above it since line 1: is its indentation right?",
        ),
        (
            "- a\nb: 1\n",
            "2:1: this line does not fit what stands above it since line 1: is its indentation right?",
        ),
        ('a: {"b" c}\n', "1:9: this does not fit inside the { from line 1: a comma is missing?"),
    ],
)
def test_a_syntax_error_says_what_was_meant(text: str, expected: str) -> None:
    """Each trap has a hint of its own, at the place of the trap."""
    with pytest.raises(ScenarioError) as caught:
        read_text(text, "x")
    assert [str(mistake) for mistake in caught.value.mistakes] == [f"x:{expected}"]
