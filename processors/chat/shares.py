"""Shares with their uncertainty: messages of one author are alike, so an interval counts authors, not messages."""

import math

import msgspec

Z = 1.96
"""Standard errors to either side that hold 95 of 100 shares."""


class Estimate(msgspec.Struct, frozen=True):
    """A share and the interval that holds it in 95 of 100 such logs; nothing is known of none."""

    of: int
    value: float | None = None
    low: float = 0.0
    high: float = 1.0

    def __str__(self) -> str:
        return "nothing to judge by" if self.value is None else f"{self.value:.2%} ({self.low:.2%} to {self.high:.2%}) of {self.of:,}"


class Share(msgspec.Struct):
    """Counts by author: how many messages, and how many of them are meant. Adds up over logs of other authors."""

    groups: int = 0
    all: int = 0
    meant: int = 0
    all_all: int = 0
    all_meant: int = 0
    meant_meant: int = 0

    def add(self, count: int, meant: int) -> None:
        """One author's messages; none is no author."""
        if count:
            self.groups += 1
            self.all += count
            self.meant += meant
            self.all_all += count * count
            self.all_meant += count * meant
            self.meant_meant += meant * meant

    def plus(self, other: "Share") -> "Share":
        """Both together."""
        return Share(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))

    def estimate(self) -> Estimate:
        """Wilson's interval for as many independent messages as these are worth.

        That is what the linearised variance of a share over clusters says (Kish 1965, section 2.8; Dean and Pagano 2015); where all
        messages are alike, and it says nothing, an author's count as one.
        """
        if not self.all:
            return Estimate(0)
        share = self.meant / self.all
        spread = self.meant_meant - 2 * share * self.all_meant + share * share * self.all_all
        worth = float(self.groups)
        if self.groups > 1 and spread > 0:
            variance = spread * self.groups / (self.groups - 1) / self.all**2
            worth = min(float(self.all), share * (1 - share) / variance)
        middle = (share + Z * Z / (2 * worth)) / (1 + Z * Z / worth)
        reach = Z / (1 + Z * Z / worth) * math.sqrt(share * (1 - share) / worth + Z * Z / (4 * worth * worth))
        return Estimate(self.all, share, max(0.0, middle - reach), min(1.0, middle + reach))
