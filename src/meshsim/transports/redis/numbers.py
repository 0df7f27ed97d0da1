"""Numbers as Redis counts and prints them: the 80-bit floats of INCRBYFLOAT, which Python does not have."""

from __future__ import annotations

import re
from fractions import Fraction

__all__ = ["add_long_doubles", "parse_long_double"]

_MANTISSA_BITS = 64
_DIGITS = 17
_DECIMAL = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_MAX_BYTES = 255
_MAX_EXPONENT = 4932


def _round(value: Fraction) -> Fraction:
    """Round to the nearest long double: 64 bits of mantissa, ties to even."""
    if not value:
        return value
    shift = value.numerator.bit_length() - value.denominator.bit_length() - _MANTISSA_BITS
    while abs(value) >= Fraction(2) ** (shift + _MANTISSA_BITS):
        shift += 1
    scaled = value / Fraction(2) ** shift
    return Fraction(round(scaled)) * Fraction(2) ** shift


def parse_long_double(text: bytes) -> Fraction | None:
    """Read a number as `strtold` does, or None where Redis refuses it."""
    if len(text) > _MAX_BYTES or not (found := _DECIMAL.fullmatch(text)):
        return None
    if found[2] and abs(int(found[2][1:])) > _MAX_EXPONENT:
        return None
    return _round(Fraction(text.decode()))


def add_long_doubles(left: Fraction, right: Fraction) -> bytes:
    """Add two numbers and print the sum as INCRBYFLOAT does: 17 digits after the point, no zeros at the end."""
    total = _round(left + right)
    digits = f"{round(abs(total) * 10**_DIGITS):0{_DIGITS + 1}d}"
    whole, rest = digits[:-_DIGITS], digits[-_DIGITS:].rstrip("0")
    sign = "-" if total < 0 and (int(whole) or rest) else ""
    return f"{sign}{whole}{'.' + rest if rest else ''}".encode()
