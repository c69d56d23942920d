"""A disk of a few megabytes, that is filled on purpose: real writes meet a real ENOSPC."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = "8m"
"""Half a minute of the small streams that tests push, parts and segments."""
BLOCK = bytes(64 << 10)
BY_ROOT = [] if os.geteuid() == 0 else ["sudo", "-n"]
"""Mounting is root's; so are the packages that the tests need."""


class SmallDisk:
    """A mounted folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Takes every byte that is left."""
        file = os.open(self._ballast, os.O_WRONLY | os.O_CREAT)
        try:
            size = len(BLOCK)
            while size:
                try:
                    os.write(file, BLOCK[:size])
                except OSError as full:
                    if full.errno != errno.ENOSPC:
                        raise
                    size //= 2
        finally:
            os.close(file)

    def empty(self) -> None:
        """Gives the room back."""
        self._ballast.unlink()


@contextmanager
def small_disk(folder: Path, size: str = SIZE) -> Iterator[SmallDisk]:
    """Mounts one; it goes with all that is on it.

    Raises:
        CalledProcessError, FileNotFoundError: it may not be mounted here.
    """
    folder.mkdir(parents=True)
    subprocess.run([*BY_ROOT, "mount", "-t", "tmpfs", "-o", f"size={size},mode=0777", "tmpfs", str(folder)], check=True)
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run([*BY_ROOT, "umount", "--lazy", str(folder)], check=True)
