"""One mapping over another: maps merge, lists replace, `+key` appends, null deletes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.scenario.merging import merge
from meshsim.scenario.nodes import Mapping, to_python
from meshsim.scenario.python_input import from_python

if TYPE_CHECKING:
    from meshsim.errors import Mistake

KEYS = st.sampled_from("abcd")
LEAVES = st.one_of(st.integers(), st.text(max_size=3), st.booleans(), st.lists(st.integers(), max_size=2))
TREES = st.dictionaries(
    KEYS,
    st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=6),
    max_size=4,
)

# A key is a mapping everywhere or nowhere: a leaf in the middle cuts off what lies below it, in any merge.
SHAPED = st.recursive(
    st.dictionaries(st.sampled_from("ab"), LEAVES),
    lambda inner: st.builds(
        lambda leaves, maps: {**leaves, **maps},
        st.dictionaries(st.sampled_from("ab"), LEAVES),
        st.dictionaries(st.sampled_from("mn"), inner),
    ),
    max_leaves=6,
)


def merged(base: dict[str, Any], over: dict[str, Any]) -> tuple[Any, list[str]]:
    """Merge two dicts; the second result is what went wrong."""
    base_node, over_node = from_python(base), from_python(over)
    assert isinstance(base_node, Mapping)
    assert isinstance(over_node, Mapping)
    mistakes: list[Mistake] = []
    return to_python(merge(base_node, over_node, mistakes)), [mistake.message for mistake in mistakes]


@given(TREES)
def test_an_empty_overlay_changes_nothing(tree: dict[str, Any]) -> None:
    """Nothing laid over a mapping is that mapping, and a mapping over nothing is itself."""
    assert merged(tree, {}) == (tree, [])
    assert merged({}, tree) == (tree, [])


@given(TREES)
def test_a_mapping_over_itself_is_itself(tree: dict[str, Any]) -> None:
    """Merging is idempotent."""
    assert merged(tree, tree) == (tree, [])


@given(SHAPED, SHAPED, SHAPED)
def test_overlays_pile_up_in_any_grouping(first: Any, second: Any, third: Any) -> None:
    """Laying overlays on one by one or all at once gives the same."""
    left, _ = merged(merged(first, second)[0], third)
    right, _ = merged(first, merged(second, third)[0])
    assert left == right


@given(TREES, TREES)
def test_the_overlay_wins_and_the_rest_stays(base: dict[str, Any], over: dict[str, Any]) -> None:
    """A value of the overlay that is no mapping is in the result; a key it does not name is untouched."""
    result, _ = merged(base, over)
    for key, value in over.items():
        if not isinstance(value, dict):
            assert result[key] == value
    for key, value in base.items():
        if key not in over:
            assert result[key] == value


@given(st.dictionaries(KEYS, LEAVES, min_size=1), st.data())
def test_null_deletes(tree: dict[str, Any], data: st.DataObject) -> None:
    """A null takes exactly its key away."""
    key = data.draw(st.sampled_from(sorted(tree)))
    result, wrong = merged(tree, {key: None})
    assert result == {other: value for other, value in tree.items() if other != key}
    assert not wrong


def test_a_plus_appends() -> None:
    """`+faults:` puts its items behind those that are there, at any depth, also where there are none."""
    assert merged({"faults": [1]}, {"+faults": [2, 3]}) == ({"faults": [1, 2, 3]}, [])
    assert merged({}, {"+faults": [2]}) == ({"faults": [2]}, [])
    assert merged({"a": {"b": [1]}}, {"a": {"+b": [2]}}) == ({"a": {"b": [1, 2]}}, [])
    assert merged({}, {"a": {"+b": [2], "c": 1}}) == ({"a": {"c": 1, "b": [2]}}, [])


def test_lists_replace() -> None:
    """A list without a plus takes the place of the one below."""
    assert merged({"faults": [1, 2]}, {"faults": [3]}) == ({"faults": [3]}, [])


@pytest.mark.parametrize(
    ("base", "over", "expected"),
    [
        ({"services": 1}, {"servcies": None}, "there is no 'servcies'; did you mean 'services'?"),
        ({"faults": [1]}, {"+faults": {"at": 1}}, "+faults: appends a list, not a mapping (at)"),
        ({"links": {"a": 1}}, {"+links": [1]}, "+links: appends to a list, but links is a mapping (a)"),
    ],
)
def test_what_cannot_be_merged_is_reported(base: Any, over: Any, expected: str) -> None:
    """An overlay that meets nothing, or the wrong thing, is a mistake and not a silence."""
    _, (mistake,) = merged(base, over)
    assert expected in mistake
