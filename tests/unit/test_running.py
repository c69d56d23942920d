"""`chronicast run`: a wrong name is answered with the right ones."""

import pytest

from infra.cli.console import USAGE, CommandError
from infra.cli.running import run


@pytest.mark.row("U9", "U10")
def test_a_process_that_there_is_not_is_answered_with_those_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHRONICAST_KAFKA", "10.0.0.1:9092")
    with pytest.raises(CommandError, match=r"'kafka'.*There are: postgres, registry, ingest, .*origin") as refused:
        run("kafka")
    assert refused.value.code == USAGE
