"""`./chronicast bench simulate -- --seeds 100000 --minutes 10`: many seeds of the simulator (docs/why/simulation.md)."""

import sys

from tests.simulation.simulator.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
