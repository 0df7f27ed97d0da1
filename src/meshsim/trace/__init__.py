"""What happened in a run: written by everything, read by checks and reports. Standard library only.

layout.py      how each kind of record lies in the stream
blocks.py      the encoded stream, hashed block by block
message.py     what a call carried
call.py        one request seen from both ends
event.py       a notable event
recorder.py    the one writer
trace.py       the questions that checks, reports and tests ask
spans.py       calls as a tree: who called whom on whose behalf
saved.py       the trace as a .jsonl file
difference.py  where two runs part
"""

from __future__ import annotations

from meshsim.trace.call import Call
from meshsim.trace.difference import first_difference
from meshsim.trace.event import Event
from meshsim.trace.message import MISSING, Message
from meshsim.trace.recorder import Recorder
from meshsim.trace.spans import Span
from meshsim.trace.trace import Trace, Window

__all__ = [
    "MISSING",
    "Call",
    "Event",
    "Message",
    "Recorder",
    "Span",
    "Trace",
    "Window",
    "first_difference",
]
