"""The longest common subsequence of two strings, with the ranges that Redis reports."""

from __future__ import annotations

__all__ = ["Match", "longest_common_subsequence"]

Match = tuple[tuple[int, int], tuple[int, int], int]
"""A stretch that both have: its first and last place in one, in the other, and its length."""


def longest_common_subsequence(one: bytes, other: bytes) -> tuple[bytes, list[Match]]:
    """Return the subsequence and its stretches, from back to front as Redis walks.

    A character that matches without continuing the stretch before it ends that stretch and begins none: Redis'
    own walk, which is followed here to the letter.
    """
    table = _table(one, other)
    i, j = len(one), len(other)
    found = bytearray()
    matches: list[Match] = []
    start: list[int] | None = None  # the open stretch: its first places, and its last ones
    while i and j:
        over = False
        if one[i - 1] == other[j - 1]:
            found.append(one[i - 1])
            if start is None:
                start = [i - 1, j - 1, i - 1, j - 1]
            elif start[0] == i and start[1] == j:
                start[0] -= 1
                start[1] -= 1
            else:
                over = True
            over = over or start[0] == 0 or start[1] == 0
            i, j = i - 1, j - 1
        else:
            i, j = (i - 1, j) if table[i - 1][j] > table[i][j - 1] else (i, j - 1)
            over = start is not None
        if over and start is not None:
            matches.append(((start[0], start[2]), (start[1], start[3]), start[2] - start[0] + 1))
            start = None
    return bytes(reversed(found)), matches


def _table(one: bytes, other: bytes) -> list[list[int]]:
    table = [[0] * (len(other) + 1)]
    for char in one:
        above, row = table[-1], [0]
        for j, also in enumerate(other):
            row.append(above[j] + 1 if char == also else max(above[j + 1], row[j]))
        table.append(row)
    return table
