"""Logs are JSON lines with their context, and hold no key even where somebody wrote one into a text."""

import json
import logging

import pytest
import structlog

from infra import logs
from infra.accounts import secret


@pytest.mark.row("U7")
def test_a_line_is_json_with_its_context_and_without_keys(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers, root.level
    key, token = secret("live_42_"), secret("cc_")
    try:
        logs.configure("ingest", "info")
        with structlog.contextvars.bound_contextvars(correlation_id="session-1"):
            structlog.get_logger("t").info("publishing", url=f"rtmp://host/app/{key}")
        logging.getLogger("library").warning("token %s refused", token)
        logging.getLogger("library").debug("not logged")
    finally:
        root.handlers, root.level = before
        structlog.reset_defaults()
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (first["event"], first["correlation_id"], first["process"], first["level"]) == ("publishing", "session-1", "ingest", "info")
    assert first["url"] == "rtmp://host/app/live_42_..."
    assert second["event"] == "token cc_... refused"


@pytest.mark.row("U7")
def test_a_command_logs_beside_what_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    logs.of_command()
    logging.getLogger("librdkafka").error("no broker")
    said = capsys.readouterr()
    assert said.out == ""
    assert json.loads(said.err)["event"] == "no broker"
