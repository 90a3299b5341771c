"""`python -m walert` is `walert`, where no script folder is on the path."""

from __future__ import annotations

import sys

from walert.cli import main

if __name__ == "__main__":
    sys.exit(main())
