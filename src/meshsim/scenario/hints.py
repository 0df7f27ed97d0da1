"""What a YAML syntax error probably means: the traps that a scenario walks into, each with its cure."""

from __future__ import annotations

import re

from ruamel.yaml.error import MarkedYAMLError, StringMark
from ruamel.yaml.reader import ReaderError

from meshsim.errors import Mistake, Place

__all__ = ["place_at", "star_hint", "syntax_mistake"]

_WORD_END = re.compile(r"[,\[\]{}\n#]|:\s|:$")
_BRACED = re.compile(r"\{[^}\n]*\}[^,\[\]{}\n]*")
_PLAIN_START = re.compile(r"[,\[{]\s*|:\s+|^\s*-?\s*", re.MULTILINE)


def place_at(text: str, index: int, file: str) -> Place:
    """Return the place of the character at `index`."""
    line_start = text.rfind("\n", 0, index) + 1
    return Place(file, text.count("\n", 0, index) + 1, index - line_start + 1)


def star_hint(text: str, index: int) -> str:
    """Explain the unquoted `*` at `index`, which YAML reads as an alias."""
    end = _WORD_END.search(text, index)
    word = text[index : end.start() if end else len(text)].strip()[:60]
    return f'an unquoted * starts an alias in YAML: quote it, "{word}"'


def syntax_mistake(error: Exception, text: str, file: str, last: Place, innermost: Place | None) -> Mistake:
    """Turn what ruamel says into one mistake: where, what, and what would be right.

    `last` is the place of the last thing that was read, `innermost` of the collection that is still open.
    """
    if isinstance(error, ReaderError):
        return Mistake(
            place_at(text, error.position, file),
            f"the character {chr(error.character)!r} cannot stand in YAML: escape it in double quotes",
        )
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return Mistake(last, f"not YAML: {str(error).splitlines()[0]}")
    problem, context = error.problem or "", error.context or ""
    mark, opened = error.problem_mark, error.context_mark
    if context == "while scanning an alias" and opened is not None:
        return Mistake(_place(opened, file), star_hint(text, opened.index))
    if context == "while parsing a flow node" and "<stream end>" in problem and innermost is not None:
        return Mistake(innermost, "the bracket that opens here is never closed")
    for reads in (_lexical, _flow, _block):
        if found := reads(problem, context, text, mark, opened):
            where, message = found
            return Mistake(_place(where, file), message)
    return Mistake(_place(mark, file), f"not YAML: {problem}")


_Found = tuple[StringMark, str] | None


def _place(mark: StringMark, file: str) -> Place:
    return Place(file, mark.line + 1, mark.column + 1)


def _lexical(problem: str, context: str, text: str, mark: StringMark, opened: StringMark | None) -> _Found:
    """Characters that cannot stand where they stand, and quotes that stay open."""
    if "'\\t'" in problem:
        return mark, "a tab cannot indent: use blanks"
    if "cannot start any token" in problem:
        return mark, f"{text[mark.index : mark.index + 1]!r} cannot start plain text: quote it"
    if "quoted scalar" in context and opened is not None:
        if "unexpected end" in problem or "document separator" in problem:
            return (
                opened,
                f"the quote {text[opened.index : opened.index + 1]} that opens here is never closed",
            )
        return mark, f"{problem}: double the backslash, or use single quotes"
    return None


def _flow(problem: str, context: str, text: str, mark: StringMark, opened: StringMark | None) -> _Found:
    """Mistakes inside {...} and [...]."""
    if not context.startswith("while parsing a flow") or opened is None:
        return None
    bracket = text[opened.index : opened.index + 1]
    if problem.endswith("got '<stream end>'"):
        return opened, f"the {bracket} that opens here is never closed"
    if problem.endswith("got '{'"):
        braced = _BRACED.match(text, mark.index)
        whole = _plain_before(text, mark.index) + (braced[0].strip() if braced else "{id}")
        colon = re.sub(r"\{(\w+)\}", r":\1", whole)
        return mark, f'an unquoted {{ ends plain text inside {bracket}: write {colon}, or quote "{whole}"'
    if problem.endswith("got ':'"):
        if mark.line > opened.line and "\n" in text[_last(text, mark.index, ",[{") : mark.index]:
            return (
                opened,
                f"the {bracket} that opens here is not closed before the key at line {mark.line + 1}",
            )
        return mark, _colon_hint(text, mark.index)
    return mark, f"this does not fit inside the {bracket} from line {opened.line + 1}: a comma is missing?"


def _block(problem: str, context: str, text: str, mark: StringMark, opened: StringMark | None) -> _Found:
    """Mistakes of indentation, and text with a colon."""
    if problem == "mapping values are not allowed here":
        return mark, _colon_hint(text, mark.index)
    if "<block end>" in problem or "<document start>" in problem:
        since = f" since line {opened.line + 1}" if opened is not None and context else ""
        return mark, f"this line does not fit what stands above it{since}: is its indentation right?"
    return None


def _colon_hint(text: str, index: int) -> str:
    before = _plain_before(text, index)
    end = re.compile(r"[,\]}\n]").search(text, index)
    whole = (before + text[index : end.start() if end else len(text)]).strip()[:60]
    return f'"key: value" inside plain text starts a new key: quote the text, "{whole}"'


def _plain_before(text: str, index: int) -> str:
    """Return the plain scalar that ends at `index`."""
    start = text.rfind("\n", 0, index) + 1
    piece = text[start:index]
    begin = max((match.end() for match in _PLAIN_START.finditer(piece)), default=0)
    return piece[begin:]


def _last(text: str, index: int, characters: str) -> int:
    return max(text.rfind(character, 0, index) for character in characters)
