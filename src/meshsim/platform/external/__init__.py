"""Outside APIs: a host of that name which answers as the scenario says, and nothing else.

provider    the word `external`
script      which reply comes next
"""

from __future__ import annotations

from meshsim.platform.external.provider import External

__all__ = ["External"]
