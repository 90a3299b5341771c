"""`python -m walert.cli` is `walert`, as `python -m walert` is."""

from __future__ import annotations

import sys

from walert.cli import main

if __name__ == "__main__":
    sys.exit(main())
