"""`chronicast what-if-chat` on a real broker: what it reports, and that topics, groups and offsets are as before."""

import asyncio
import json
from pathlib import Path

import pytest
import typer
from confluent_kafka.admin import AdminClient
from typer.testing import CliRunner

from infra.cli.console import CommandError
from infra.cli.what_if_chat import what_if_chat
from infra.parts import Parts
from infra.settings import Settings
from processors.chat import CHAT
from schemas.events import PostMessage
from schemas.privacy_codec import SealedCodec
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.runner import Runner
from streams.store_memory import MemoryStores
from streams.topics import CATALOGUE
from tests.conftest import Broker
from tests.registry_server import serving

pytestmark = [pytest.mark.broker, pytest.mark.row("E11", "U4"), pytest.mark.timeout(120)]
COMMANDS = CHAT.inputs[0]


async def fold(parts: Parts, codec: SealedCodec) -> None:
    """What the chat worker does."""
    runner = Runner(CHAT, parts.log, codec, MemoryStores())
    for partition, end in parts.log.ends(COMMANDS).items():
        start = await runner.open(partition)
        for batch in parts.log.read(COMMANDS, partition, start, end):
            await runner.run_batch(partition, batch)


def test_the_command_reports_what_another_rule_would_have_decided_and_leaves_no_trace(private_kafka: Broker, tmp_path: Path) -> None:
    ensure_topics(private_kafka.bootstrap)
    log = KafkaLog(private_kafka.bootstrap)
    app = typer.Typer()
    app.command()(what_if_chat)
    with serving(log) as registry:
        settings = Settings(home=str(tmp_path / "home"), kafka=private_kafka.bootstrap, registry=registry)
        with Parts(settings) as parts:
            ring = parts.keys("test-1")
            publisher = parts.publisher("test-1", ring)
            for number in range(30):
                user = f"{100 + number}"
                ring.ready(user).result(20)
                about = {"user_login": "u", "display_name": "U", "text": "nice hat" if number % 3 == 0 else "nice"}
                publisher.publish(PostMessage(channel_id=f"{number % 2}", message_id=f"m{number}", user_id=user, **about))
            assert parts.log.flush(20)
            asyncio.run(fold(parts, SealedCodec(parts.registry, ring)))
            assert parts.log.flush(20)

            def trace() -> object:
                admin = AdminClient({"bootstrap.servers": private_kafka.bootstrap})
                groups = admin.list_consumer_groups().result(20).valid
                return sorted(group.group_id for group in groups), {topic.name: parts.log.ends(topic.name) for topic in CATALOGUE}

            before = trace()
            asked = ["--from", "start", "--block", "hat", "--source", "kafka"]
            done = CliRunner().invoke(app, [*asked, "--json"], env=settings.environment(), catch_exceptions=False)
            report = json.loads(done.stdout)
            told = CliRunner().invoke(app, [*asked, "--processes", "2"], env=settings.environment(), catch_exceptions=False).stdout
            with pytest.raises(CommandError, match="say what is to be judged otherwise"):
                CliRunner().invoke(app, [], env=settings.environment(), catch_exceptions=False)
            assert trace() == before
    log.close()
    assert (report["messages"], report["as_recorded"]) == (30, 30)
    assert report["changes"] == [{"before": "passed", "after": "refused: blocked_term", "messages": 10}]
    assert report["shares"]["otherwise"]["value"] == pytest.approx(1 / 3)
    assert {sample["text"] for sample in report["samples"]} == {"nice hat"}
    assert "passed -> refused: blocked_term: 10" in told
