"""Real servers behind simulated links: the fence is open for that one address, and faults apply on the way.

provider    the word `attach`
"""

from __future__ import annotations

from meshsim.platform.attached.provider import Attached

__all__ = ["Attached"]
