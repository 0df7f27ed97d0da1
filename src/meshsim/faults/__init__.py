"""What goes wrong, when, and with whom.

nemesis.py        holds the faults of a world: starts them, heals them
fault.py          one fault: its moments, and the handle that a test holds
moments.py        when a fault begins and ends, as numbers
counting.py       `after_calls:` and `after_messages:`
watch.py          calls as they happen, for `when:` and `after_calls:`
parties.py        which hosts a name means, now
act.py            what every verb has; from a verb to what does it
links.py          verbs at links: rules of the network
hosts.py          verbs at hosts: crash, terminate, restart, pause
calls.py          verbs at calls: error, delay
platform.py       verbs at the platform: failover
interception.py   what rooms ask before they answer a call
http.py           the same, put to the http room
"""

from __future__ import annotations

from meshsim.faults.fault import Fault
from meshsim.faults.interception import ErrorReply, Interception, Interceptions
from meshsim.faults.nemesis import Nemesis

__all__ = ["ErrorReply", "Fault", "Interception", "Interceptions", "Nemesis"]
