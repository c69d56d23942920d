"""Badges beside a name, by what its bearer is in the channel."""

from functools import lru_cache

from processors.chat.state import Power, User

STEPS = (0, 2, 3, 6, 9, 12, 18, 24, 36, 48, 60)
"""Months from which on a subscriber's badge looks different, as in Twitch's default set, continued by the year."""
KEPT = 4_096
"""Combinations at hand: power, plan and months make some hundreds."""


def badges_of(power: Power, user: User, now: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Badges as set/version in the order in which they are shown, and what they stand for in full."""
    subscribes = user.subscribes(now)
    return _badges(power, user.months if subscribes else 0, prime=subscribes and user.plan == "prime")


@lru_cache(KEPT)
def _badges(power: Power, months: int, *, prime: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    badges = [] if power == "none" else [f"{power}/1"]
    info = []
    if months:
        badges.append(f"subscriber/{max(step for step in STEPS if step <= months)}")
        info.append(f"subscriber/{months}")
    if prime:
        badges.append("premium/1")
    return tuple(badges), tuple(info)
