"""What YAML 1.2 takes a plain scalar for: null, a truth value, a number, or text (the core schema).

Not ruamel's own resolver, which also knows dates, sexagesimals and merge keys, and which gives the value
without the text. `no`, `on` and `1:30` are text here.
"""

from __future__ import annotations

import math
import re

__all__ = ["resolve_plain"]

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# 300 digits are no number that anybody wants, and int() refuses some thousands of them.
_INT = re.compile(r"[-+]?[0-9]{1,300}")
_OCTAL = re.compile(r"0o[0-7]{1,300}")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,300}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def resolve_plain(text: str) -> object:
    """Return the value of a scalar that was written without quotes."""
    if text in _NULLS:
        return None
    if text in _TRUTHS:
        return _TRUTHS[text]
    if text[0] not in "+-.0123456789":
        return text
    return _number(text)


def _number(text: str) -> object:
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text, 8)
    if _HEX.fullmatch(text):
        return int(text, 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL.fullmatch(text):
        return math.nan if text[1:].lower() == "nan" else math.copysign(math.inf, -1 if text[0] == "-" else 1)
    return text
