"""What an aim of availability allows, and how fast a run uses it up."""

import pytest

from infra.settings import Settings
from tests.bench._budget import AIMS, YEAR_S, Budget, budgets
from tests.bench.kill import Silence
from tests.system import Account, System
from tests.video_faults import AHEAD_S, Fault, Had, Viewer

pytestmark = pytest.mark.row("L1")


def test_the_aims_are_so_much_time_a_year() -> None:
    assert AIMS["99.9 %"] * YEAR_S / 3_600 == pytest.approx(8.766)
    assert AIMS["99.99 %"] * YEAR_S / 60 == pytest.approx(52.6, abs=0.01)


def test_a_hundredth_of_the_time_without_service_burns_ten_and_a_hundred_times_too_fast() -> None:
    assert budgets([4.0, 6.0], 1_000) == {"99.9 %": Budget(10, 6_312), "99.99 %": Budget(100, 631)}


def test_one_such_fault_in_the_time_that_pays_for_it_burns_as_fast_as_allowed() -> None:
    assert budgets([30.0], 30.0 / AIMS["99.99 %"])["99.99 %"].burn_rate == 1


def test_a_recovery_is_the_longest_silence_of_any_partition_until_all_move_again() -> None:
    silence = Silence(began=100.0)
    assert not silence.over(100.0)
    silence.see({0: 5, 1: 5}, 100.1)
    silence.see({0: 6, 1: 6}, 100.2)  # what was under way when the disk was full
    assert (silence.longest, silence.over(100.0), silence.over(103.0)) == (pytest.approx(0.2), True, False)
    silence.see({0: 7, 1: 6}, 103.1)
    silence.see({0: 8, 1: 6}, 103.2)
    assert not silence.over(103.0)
    silence.see({0: 9, 1: 7}, 104.2)
    assert (silence.longest, silence.over(103.0)) == (pytest.approx(4.0), True)


def test_a_viewer_is_late_by_what_has_passed_without_media_to_play() -> None:
    viewer = Viewer(System(Settings(), {}), Account("ana", "", "1", ""))
    viewer.had = [Had(100.0, 1, 2.0), Had(102.1, 2, 2.0), Had(109.0, 3, 2.0), Had(109.1, 4, 2.0), Had(111.0, 5, 2.0)]
    assert viewer.late(100.0) == pytest.approx(5.0)  # of which a tenth was late before
    assert viewer.late(102.1) == pytest.approx(4.9)
    assert viewer.late(109.1) == 0
    viewer.had = [Had(100.0, 1, 2.0), Had(101.0, 2, 0.5), Had(102.5, 3, 2.0), Had(104.5, 4, 2.0)]  # 1.5 s were never taken in
    assert viewer.late(100.0) == pytest.approx(0.0)
    viewer.had += [Had(107.5, 5, 2.0)]
    assert viewer.late(100.0) == pytest.approx(1.0)
    assert Fault("origin", 4.9).stall_s == pytest.approx(4.9 - AHEAD_S)
    assert Fault("origin", 0.4).stall_s == 0
