"""What a scrub reads of a VOD or a clip, and what it found."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Literal

import msgspec

from schemas.events import VodArchived
from streams.objects import ObjectMissingError, Objects

Problem = Literal["missing", "rotten", "orphan"]
"""An orphan is an object that no event names, or leads to: it costs space, and nothing will ever take it away."""


class Finding(msgspec.Struct, frozen=True):
    """An object that is not what it should be."""

    vod_id: str
    """Whose it is; empty where it is no VOD's."""
    address: str
    problem: Problem
    mended: str
    """How it was made again; empty where it was not."""


class Report(msgspec.Struct, frozen=True):
    """What a look at a VOD or a clip found."""

    vod_id: str
    """Empty where it is a clip's."""
    objects: int
    """Objects read."""
    size: int
    """Their bytes."""
    findings: tuple[Finding, ...]
    event: VodArchived | None = None
    """A further revision, where hashes changed; to be published."""

    @property
    def lost(self) -> list[Finding]:
        """What could not be made again."""
        return [finding for finding in self.findings if not finding.mended and finding.problem != "orphan"]


class Look:
    """Reads objects and notes what was wrong."""

    def __init__(self, objects: Objects, vod_id: str = "") -> None:
        self.objects = objects
        self._vod_id = vod_id
        self._read: dict[str, int] = {}
        self._problems: dict[str, Problem] = {}
        self._findings: dict[str, Finding] = {}

    async def read(self, place: str, digest: str) -> bytes | None:
        """An object that is as its hash says; None, and noted, where it is not."""
        try:
            data = await self.objects.get(place)
        except ObjectMissingError:
            self._problems.setdefault(place, "missing")
            return None
        self._read[place] = len(data)
        if sha256(data).hexdigest() != digest:
            self._problems.setdefault(place, "rotten")
            return None
        return data

    def mended(self, place: str, how: str) -> None:
        """It was made again."""
        self._note(place, self._problems.get(place, "missing"), how)

    def lost(self, place: str) -> None:
        """It cannot be made again, or is not to be."""
        self._note(place, self._problems.get(place, "missing"))

    async def orphans(self, folder: str, named: Iterable[str]) -> None:
        """Notes what lies in a folder beside what is named; what is lost has been noted, whatever is left of it."""
        for place in set(await self.objects.list(folder)).difference(named, self._findings):
            self._note(place, "orphan")

    def report(self, event: VodArchived | None = None) -> Report:
        """All of it."""
        found = sorted(self._findings.values(), key=lambda finding: finding.address)
        return Report(self._vod_id, len(self._read), sum(self._read.values()), tuple(found), event)

    def _note(self, place: str, problem: Problem, mended: str = "") -> None:
        self._findings[place] = Finding(self._vod_id, place, problem, mended)
