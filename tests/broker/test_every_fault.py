"""Every fault of the kill suite, once or a few times, under load on a real broker. The long form: `./chronicast bench kill`."""

from pathlib import Path

import pytest

from tests.bench.kill import RECOVERY_S, WEIGHTS, run, table

pytestmark = [pytest.mark.broker, pytest.mark.kill, pytest.mark.row("L1"), pytest.mark.timeout(420)]


def test_workers_broker_and_disk_fail_and_all_comes_out_as_the_input_says(tmp_path: Path) -> None:
    result = run(events=20_000, faults=len(WEIGHTS), rate=1_000, seed=5, folder=tmp_path)
    print(table(result))
    assert result["faults"].keys() == WEIGHTS.keys()
    assert (result["lost"], result["strange"], result["conflicting"]) == (0, 0, 0)
    assert result["visible"] == result["events"] >= 20_000
    assert result["stores_equal_a_fresh_fold"]
    assert 0 < result["recovery_s"]["p50"] <= result["recovery_s"]["p99"] < RECOVERY_S
    for aim in ("99.9 %", "99.99 %"):
        assert f"{aim} a year allows {result['budget'][aim]['such_faults_a_year']:,} such faults" in table(result)
