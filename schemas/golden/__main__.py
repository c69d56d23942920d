"""`python -m schemas.golden [--check]`."""

import sys

from schemas.contract import released
from schemas.golden.check import GOLDEN, problems, write_missing
from schemas.released import AVRO


def main() -> int:
    """Writes what is missing unless told to check only; returns the exit code."""
    if "--check" not in sys.argv:
        for path in write_missing(AVRO, GOLDEN):
            sys.stdout.write(f"wrote {path}\n")
    found = problems(AVRO, GOLDEN, released())
    sys.stderr.writelines(f"{problem}\n" for problem in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
