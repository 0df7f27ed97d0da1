"""RESP on the wire: commands of a client, cut out of the bytes that it sends."""

from __future__ import annotations

__all__ = ["ProtocolError", "RequestParser", "whole_command"]

_MAX_INLINE_BYTES = 64 * 1024
_MAX_BULK_BYTES = 512 * 1024 * 1024
_MAX_ARGUMENTS = 1024 * 1024
_MANY = 1024
# Looking a text up is a third of the time of printing the number.
_COUNTS = [b"*%d" % number for number in range(_MANY)]
_SIZES = [b"$%d" % number for number in range(_MANY)]
_STAR = ord("*")
_DOLLAR = ord("$")


class ProtocolError(Exception):
    """What a client sent is not RESP; a real server answers with the text and closes the connection."""


class RequestParser:
    """Cuts a stream of bytes into commands, however the bytes were split on their way.

    Attributes:
        idle: whether what has arrived so far was whole commands.
    """

    __slots__ = ("_buffer", "idle")

    def __init__(self) -> None:
        self._buffer = b""
        self.idle = True

    def feed(self, data: bytes) -> list[list[bytes]]:
        """Take what arrived and return every command that is now complete.

        Raises:
            ProtocolError: the bytes are not RESP; commands before the fault are lost with the connection.
        """
        if self.idle:
            fields = whole_command(data)
            if fields is not None:
                return [fields]
        buffer = self._buffer + data if self._buffer else data
        commands: list[list[bytes]] = []
        position = 0
        while position < len(buffer):
            found = _multibulk(buffer, position) if buffer[position] == _STAR else _inline(buffer, position)
            if found is None:
                break
            fields, position = found
            if fields:
                commands.append(fields)
        self._buffer = buffer[position:]
        self.idle = not self._buffer
        return commands


def whole_command(data: bytes) -> list[bytes] | None:
    """Return the words of data that is one command, cut at line ends; None for all that needs a real look.

    Nearly every packet is one short command, and a split in C costs a tenth of the general way. A word that
    holds a line end makes the count wrong, and then this says None.
    """
    lines = data.split(b"\r\n")
    count = (len(lines) >> 1) - 1
    if not 0 < count < _MANY or lines[-1] or lines[0] != _COUNTS[count]:
        return None
    words = lines[2::2]
    place = 1
    for word in words:
        size = len(word)
        if size >= _MANY or lines[place] != _SIZES[size]:
            return None
        place += 2
    return words


def _number(text: bytes) -> int | None:
    digits = text[1:] if text[:1] == b"-" else text
    return int(text) if digits.isdigit() and len(digits) < 20 else None


def _multibulk(buffer: bytes, position: int) -> tuple[list[bytes], int] | None:
    end = buffer.find(b"\r\n", position)
    if end < 0:
        if len(buffer) - position > _MAX_INLINE_BYTES:
            raise ProtocolError("Protocol error: too big mbulk count string")
        return None
    count = _number(buffer[position + 1 : end])
    if count is None or count > _MAX_ARGUMENTS:
        raise ProtocolError("Protocol error: invalid multibulk length")
    position = end + 2
    fields: list[bytes] = []
    for _ in range(count):
        end = buffer.find(b"\r\n", position)
        if end < 0:
            if len(buffer) - position > _MAX_INLINE_BYTES:
                raise ProtocolError("Protocol error: too big bulk count string")
            return None
        if buffer[position] != _DOLLAR:
            raise ProtocolError(f"Protocol error: expected '$', got '{chr(buffer[position])}'")
        length = _number(buffer[position + 1 : end])
        if length is None or not 0 <= length <= _MAX_BULK_BYTES:
            raise ProtocolError("Protocol error: invalid bulk length")
        position = end + 2 + length
        if len(buffer) < position + 2:
            return None
        fields.append(buffer[end + 2 : position])
        position += 2
    return fields, position


def _inline(buffer: bytes, position: int) -> tuple[list[bytes], int] | None:
    end = buffer.find(b"\n", position)
    if end < 0:
        if len(buffer) - position > _MAX_INLINE_BYTES:
            raise ProtocolError("Protocol error: too big inline request")
        return None
    return buffer[position:end].split(), end + 1
