"""Sizes and bills from bit rates, ages and prices."""

import pytest

from processors.vod.cost import cost, days_in, monthly, stored_bytes
from processors.vod.fold import FOR_EVER

HOURS_4 = 4 * 3_600


@pytest.mark.row("V3")
def test_four_hours_take_what_their_bit_rates_say() -> None:
    assert stored_bytes(HOURS_4, "regular") / 1e9 == pytest.approx(11.0, abs=0.05)
    assert stored_bytes(HOURS_4, "partner", multiplexed=True) / 1e9 == pytest.approx(22.2, abs=0.05)
    assert stored_bytes(HOURS_4, "partner") / 1e9 == pytest.approx(21.3, abs=0.05), "sound once, not five times"


@pytest.mark.row("V5")
def test_a_bill_follows_the_days_in_each_store() -> None:
    assert days_in(14) == {"hot": 7, "warm": 7, "cold": 0}
    assert days_in(60) == {"hot": 7, "warm": 53, "cold": 0}
    assert days_in(FOR_EVER) == {"hot": 7, "warm": 53, "cold": 305}
    kept = cost(30_000_000_000, 60)
    assert kept.dollars == pytest.approx({"hot": 30 * 0.023 * 7 / 30, "warm": 30 * 0.0125 * 53 / 30, "cold": 0.0})
    assert kept.total == pytest.approx(0.161 + 0.6625)
    assert monthly(1_000_000_000_000, 14) == pytest.approx({"hot": 1_000 * 7 * 0.023, "warm": 1_000 * 7 * 0.0125, "cold": 0.0})
