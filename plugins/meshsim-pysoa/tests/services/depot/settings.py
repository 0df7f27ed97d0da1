"""Settings of a server as its own project writes them; the tests say them by the environment."""

from __future__ import annotations

import json
import os
from typing import Any

SOA_SERVER_SETTINGS: dict[str, Any] = json.loads(os.environ["DEPOT_SETTINGS"])
_layer = SOA_SERVER_SETTINGS["transport"]["kwargs"]["backend_layer_kwargs"]
# JSON knows no tuples, and PySOA takes nothing else.
_layer["hosts"] = [tuple(host) for host in _layer["hosts"]]
