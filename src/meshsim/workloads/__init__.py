"""Who uses the mesh during a run.

arrivals.py    when an open workload calls: evenly, at random, on a ramp
request.py     what one call asks for, with its drawn parameters
client.py      one simulated client: a session of http, or what a plugin's adapter calls with
load.py        a workload under way: open, closed, or a function of the user's
functions.py   the user's own functions, imported afresh for each world
setup.py       the scenario's set-up functions
"""

from __future__ import annotations

from meshsim.workloads.functions import Functions
from meshsim.workloads.load import Load, make_load

__all__ = ["Functions", "Load", "make_load"]
