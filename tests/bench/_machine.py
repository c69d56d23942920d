"""What a measurement ran on."""

import os
import platform
from pathlib import Path


def machine() -> str:
    """Processor, cores, memory, kernel: one line for beneath a table."""
    facts = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line)
    model = next(value.strip() for name, value in facts.items() if name.strip() == "model name")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, Linux {platform.release()}, Python {platform.python_version()}"
