"""Sizes and bills from bit rates, ages and prices."""

import pytest

from processors.vod.cost import Kept, bill, cost, days_in, stored_bytes
from processors.vod.fold import DAY_US, FOR_EVER

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


@pytest.mark.row("V5")
def test_a_fleets_bill_is_what_lies_in_each_store_and_what_its_pace_leads_to() -> None:
    now, terabyte = 1_000 * DAY_US, 1_000_000_000_000
    daily = [Kept(terabyte, "hot" if days < 7 else "warm", 14, now - days * DAY_US) for days in range(14)]
    steady = bill(daily, now)
    assert steady.sizes == {"hot": 7 * terabyte, "warm": 7 * terabyte, "cold": 0}
    assert steady.dollars == pytest.approx({"hot": 7_000 * 0.023, "warm": 7_000 * 0.0125, "cold": 0.0})
    assert steady.ahead == pytest.approx(steady.dollars), "who has gone on for long pays what is ahead"
    grows = bill([*daily, Kept(terabyte, "hot", FOR_EVER, now), Kept(terabyte, "cold", FOR_EVER, now - 100 * DAY_US)], now)
    added = {tier: grows.ahead[tier] - steady.ahead[tier] for tier in steady.ahead}
    assert added == pytest.approx({"hot": 1_000 * 0.023, "warm": 1_000 / 7 * 53 * 0.0125, "cold": 1_000 / 7 * 305 * 0.004})
    assert grows.dollars == pytest.approx({"hot": 8_000 * 0.023, "warm": 7_000 * 0.0125, "cold": 1_000 * 0.004})
