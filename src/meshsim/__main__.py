"""`python -m meshsim` is the command `meshsim`."""

from __future__ import annotations

import sys

from meshsim.cli import main

if __name__ == "__main__":
    sys.exit(main())
