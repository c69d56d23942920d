"""The commands about views refuse what has no use, before they ask the system for anything."""

import pytest
from typer.testing import CliRunner

from infra.cli.__main__ import app
from infra.cli.console import ABSENT, USAGE, CommandError
from infra.views import VIEWS

pytestmark = pytest.mark.row("U4")
ELSEWHERE = {"CHRONICAST_PORT_OFFSET": "31999"}
"""Where no system runs."""


def refused(*arguments: str) -> CommandError:
    done = CliRunner().invoke(app, list(arguments), env=ELSEWHERE)
    assert isinstance(done.exception, CommandError), done.output
    return done.exception


@pytest.mark.parametrize("command", [("verify",), ("rebuild",), ("view",), ("diff",)])
def test_a_view_that_is_none_is_refused_with_those_that_are(command) -> None:
    failure = refused(*command, "nonsense", *(["start"] if command == ("diff",) else []))
    assert failure.code == USAGE
    assert f"there are {', '.join(sorted(VIEWS))}" in str(failure)


@pytest.mark.parametrize("command", ["verify", "rebuild"])
def test_a_view_without_stores_is_told_how_to_be_seen(command: str) -> None:
    failure = refused(command, "playlist")
    assert failure.code == USAGE
    assert "./chronicast view playlist" in str(failure)


@pytest.mark.parametrize("command", [("verify", "demand"), ("rebuild", "demand"), ("view", "playlist"), ("diff", "demand", "start")])
def test_without_a_system_there_is_nothing_to_ask(command) -> None:
    failure = refused(*command)
    assert failure.code == ABSENT
    assert "./chronicast up" in str(failure)
