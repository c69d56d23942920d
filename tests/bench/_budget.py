"""What an aim of availability allows a year, and how fast a run with faults uses it up."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

YEAR_S = 365.25 * 86_400
AIMS = {"99.9 %": 0.001, "99.99 %": 0.0001}
"""Share of the time that may be without service: of a year's 8,766 hours 8.8 h (chat), and 52.6 min (video)."""


class Budget(NamedTuple):
    """How a run stands to an aim."""

    burn_rate: int
    """Times as fast as the aim allows that the run was without service: at 1 a year like it would use its budget up exactly."""
    such_faults_a_year: int
    """Faults of the run's mean length that a year's budget pays for."""


def budgets(silent_s: Sequence[float], took_s: float) -> dict[str, Budget]:
    """By aim; `silent_s` are the times without service within `took_s`."""
    return {
        aim: Budget(round(sum(silent_s) / took_s / share), round(share * YEAR_S / statistics.mean(silent_s))) for aim, share in AIMS.items()
    }
