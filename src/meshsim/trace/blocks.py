"""The encoded record stream: hashed block by block, and kept, or dropped once hashed.

Numbers are 64-bit little-endian, texts a JSON list in ASCII. Nothing else is ever hashed: marshal and pickle
write reference flags that depend on how many names point at an object, and `repr` of a string changes with
the Unicode tables of a Python version. One row of numbers a block costs 0.3 us a packet; slotted objects cost
4.1 and a third of the memory is headers.
"""

from __future__ import annotations

import json
import sys
from array import array
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from meshsim.trace.layout import LAYOUTS

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BLOCK_NUMBERS", "Block", "Blocks", "Record"]

BLOCK_NUMBERS = 16_384
"""A block is closed when it holds this many numbers (128 kB): small enough to decode in a blink."""

DIGEST_BYTES = 16


class Record(NamedTuple):
    """One decoded record; `number` counts from 0 over the whole trace."""

    number: int
    code: int
    at_ns: int
    numbers: tuple[int, ...]
    texts: tuple[str, ...]


class Block(NamedTuple):
    """A closed block: its digest, the moment it begins, and its content unless that was dropped."""

    digest: bytes
    begin_ns: int
    numbers: bytes | None
    texts: bytes | None


def _encode(numbers: list[int], texts: list[str]) -> tuple[bytes, bytes]:
    row = array("q", numbers)
    if sys.byteorder == "big":
        row.byteswap()
    return row.tobytes(), json.dumps(texts).encode("ascii") if texts else b""


def _digest(numbers: bytes, texts: bytes) -> bytes:
    state = blake2b(len(numbers).to_bytes(8, "little"), digest_size=DIGEST_BYTES)
    state.update(numbers)
    state.update(texts)
    return state.digest()


class Blocks:
    """The stream of one world.

    Writers append to `numbers` and `texts` themselves, a whole record at a time, and call `close_block` when
    `numbers` has grown to BLOCK_NUMBERS: a method call a record would cost as much as the record.

    Args:
        keep: hold on to the content of closed blocks; without it only digests stay, 100 bytes a block.
    """

    __slots__ = ("_hash", "closed", "keep", "numbers", "texts")

    def __init__(self, *, keep: bool = True) -> None:
        self.keep = keep
        self.numbers: list[int] = []
        self.texts: list[str] = []
        self.closed: list[Block] = []
        self._hash = blake2b(digest_size=DIGEST_BYTES)

    def close_block(self) -> None:
        """Encode and hash what is open, and begin anew."""
        numbers, texts = _encode(self.numbers, self.texts)
        digest = _digest(numbers, texts)
        self._hash.update(digest)
        begin_ns = self.numbers[1]
        kept = (numbers, texts) if self.keep else (None, None)
        self.closed.append(Block(digest, begin_ns, *kept))
        # In place: writers hold these very lists.
        self.numbers.clear()
        self.texts.clear()

    def all_blocks(self) -> list[Block]:
        """Give the closed blocks, and what is open as one more."""
        if not self.numbers:
            return list(self.closed)
        numbers, texts = _encode(self.numbers, self.texts)
        return [*self.closed, Block(_digest(numbers, texts), self.numbers[1], numbers, texts)]

    def hexdigest(self) -> str:
        """Give the hash over everything so far; asking does not change it."""
        state = self._hash.copy()
        if self.numbers:
            state.update(_digest(*_encode(self.numbers, self.texts)))
        return state.hexdigest()

    def records(self) -> Iterator[Record]:
        """Decode everything that was kept, in order."""
        number = 0
        for block in self.all_blocks():
            for record in decode(block, number):
                number = record.number + 1
                yield record


def decode(block: Block, first_number: int = 0) -> Iterator[Record]:
    """Decode one block, counting its records from `first_number`; a dropped one has none."""
    if block.numbers is None or block.texts is None:
        return
    row = array("q", block.numbers)
    if sys.byteorder == "big":
        row.byteswap()
    texts = json.loads(block.texts) if block.texts else []
    position = text_position = 0
    number = first_number
    while position < len(row):
        code = row[position]
        layout = LAYOUTS[code]
        end = position + 2 + len(layout.numbers)
        text_end = text_position + len(layout.texts)
        yield Record(
            number,
            code,
            row[position + 1],
            tuple(row[position + 2 : end]),
            tuple(texts[text_position:text_end]),
        )
        number += 1
        position, text_position = end, text_end
