"""What holds for every test: generated examples are the same on each run of the checks, and no test is timed."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("checks", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("checks" if os.environ.get("CI") else "explore")
