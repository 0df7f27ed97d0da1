"""YAML text: what is kept of it, where each thing stands, and the bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from meshsim.errors import ScenarioError
from meshsim.scenario.nodes import Mapping, Scalar, Sequence, to_python
from meshsim.scenario.reading import read_file, read_text

if TYPE_CHECKING:
    from pathlib import Path


def mistakes_of(text: str) -> list[str]:
    """Return the mistakes as `LINE:COL: message`."""
    with pytest.raises(ScenarioError) as caught:
        read_text(text, "x")
    return [str(mistake).removeprefix("x:") for mistake in caught.value.mistakes]


def test_a_scalar_keeps_its_source_text() -> None:
    """Numbers keep how they were written, beside what YAML 1.2 takes them for."""
    root = read_text(
        "{a: 007, b: 1.50, c: no, d: 0x1F, e: 1:30, f: '7', g: ~, h: true, i: 0o17, j: -.inf}", "x"
    )
    assert isinstance(root, Mapping)
    texts = {key: node.text for key, _, node in root.items() if isinstance(node, Scalar)}
    assert texts == {
        "a": "007", "b": "1.50", "c": "no", "d": "0x1F", "e": "1:30", "f": "7", "g": "~", "h": "true",
        "i": "0o17", "j": "-.inf",
    }  # fmt: skip
    assert to_python(root) == {
        "a": 7, "b": 1.5, "c": "no", "d": 31, "e": "1:30", "f": "7", "g": None, "h": True,
        "i": 15, "j": -float("inf"),
    }  # fmt: skip


def test_every_key_and_value_has_its_place() -> None:
    """Lines and columns are counted from one, also in flow style and after wide characters."""
    root = read_text("a:\n  b: [1, {c: 2}]\n  é: ü\n", "x")
    assert isinstance(root, Mapping)
    inner = root.get("a")
    assert isinstance(inner, Mapping)
    items = inner.get("b")
    assert isinstance(items, Sequence)
    last = items.items[1]
    assert isinstance(last, Mapping)
    places = [inner.place, inner.entries["b"].key_place, items.place, last.place, last.entries["c"].key_place]
    assert [str(place) for place in places] == ["x:2:3", "x:2:3", "x:2:6", "x:2:10", "x:2:11"]
    assert str(inner.entries["é"].value.place) == "x:3:6"


def test_a_collection_has_its_source_text() -> None:
    """The text of a mapping is what stands in the file, its common indentation removed."""
    root = read_text("f:\n  - {at: 1s,  x: [a]}   # why\n  - at: 2s\n    y: b\n\n", "x")
    assert isinstance(root, Mapping)
    faults = root.get("f")
    assert isinstance(faults, Sequence)
    assert [item.source.text for item in faults.items if isinstance(item, Mapping)] == [
        "{at: 1s,  x: [a]}",
        "at: 2s\ny: b",
    ]


def test_duplicate_keys_are_all_reported() -> None:
    """Each key that stands twice is reported where it stands the second time."""
    assert mistakes_of("a: 1\nb: {c: 1, c: 2}\na: 2\n") == [
        "2:11: the key 'c' stands twice in one mapping; first at line 2",
        "3:1: the key 'a' stands twice in one mapping; first at line 1",
    ]


def test_duplicates_are_reported_beside_a_syntax_error() -> None:
    """What was found before the text stopped being YAML is not lost."""
    assert [mistake.split(":")[0] for mistake in mistakes_of("a: 1\na: 2\nb: [\n")] == ["2", "3"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("? [a]\n: b\n", "1:3: a list of 1 cannot be a key"),
        (": x\n", "1:1: a key is missing"),
        ("a: b\n---\nc: d\n", "2:1: a second document"),
        ("a: !!python/object:os.system x\n", "1:4: the tag"),
        ("a: &x [*x]\n", "1:8: *x stands inside what it names"),
        ("", "1:1: the file is empty"),
        ("# only words\n", "1:1: the file is empty"),
        ("a: \x00\n", "1:4: the character '\\x00'"),
        ("a: b\n\tc: d\n", "2:1: a tab cannot indent"),
        ('a: "\\q"\n', "1:6: found unknown escape character 'q'"),
        ('a: "\\U00110000"\n', "1:1: not YAML"),
    ],
)
def test_what_is_no_scenario_text_has_its_place(text: str, expected: str) -> None:
    """Everything that YAML or a scenario forbids is refused at its place."""
    assert mistakes_of(text)[0].startswith(expected)


def test_bytes_that_are_not_utf8_have_their_place(tmp_path: Path) -> None:
    """The first byte that is not UTF-8 is named with its line and column."""
    file = tmp_path / "x.mesh.yaml"
    file.write_bytes("a: é\nb: ".encode() + b"\xff\n")
    with pytest.raises(ScenarioError, match=r"x\.mesh\.yaml:2:4: the byte 0xff is not UTF-8"):
        read_file(str(file))


def test_a_byte_order_mark_and_dos_line_ends_are_read(tmp_path: Path) -> None:
    """What editors elsewhere write is read, and its places are those of the editor."""
    file = tmp_path / "x.mesh.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    root = read_file(str(file))
    assert to_python(root) == {"a": 1, "b": 2}
    assert isinstance(root, Mapping)
    assert (root.entries["b"].key_place.line, root.entries["b"].key_place.column) == (2, 1)


def test_aliases_are_values_used_again() -> None:
    """An alias stands for what its anchor names."""
    assert to_python(read_text("a: &x {b: 1}\nc: *x\n", "x")) == {"a": {"b": 1}, "c": {"b": 1}}


DEEP = {
    "flow lists": ("[" * 10_000_000, "1:41: nested more than 40 deep"),
    "flow maps": ("{a: " * 2_500_000, "1:161: nested more than 40 deep"),
    "block lists": ("- " * 5_000_000, "1:81: nested more than 40 deep"),
    "block maps": (
        "".join(f"{' ' * depth}a:\n" for depth in range(4_000)),
        "41:41: nested more than 40 deep",
    ),
    "one long word": ("a" * 10_000_000, "1:1: 10000000 characters"),
    "many items": ("- a\n" * 60_000, "50001:3: more than 50000 values"),
    "aliases of aliases": (
        "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(9)
        ),
        "5:17: more than 50000 values",
    ),
}


@pytest.mark.parametrize("name", DEEP)
def test_ten_megabytes_of_nesting_are_refused_at_once(name: str) -> None:
    """Text that is too deep or too large is refused at its place; without the bounds this takes minutes."""
    text, expected = DEEP[name]
    (mistake,) = mistakes_of(text)
    assert mistake.startswith(expected)
