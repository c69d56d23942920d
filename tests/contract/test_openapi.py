"""The API's published description: fresh, and what the API does with whatever a client sends by it and against it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import Case, checks
from test_helix import Api, serving

from infra.openapi import TARGET, document
from processors.chat import CHAT
from schemas.events import IngestNode
from streams.clock import now_us
from tests.chat_stage import staged

EXAMPLES = {schemathesis.GenerationMode.POSITIVE: 4, schemathesis.GenerationMode.NEGATIVE: 3}
"""Of each operation, by its description and against it."""
PLAIN = ("/oauth2/validate", "/oauth2/token", "/oauth2/revoke", "/api/clips/{clip_id}")
"""Nothing can be sent against the description of these: what they take is text."""
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
pytestmark = pytest.mark.row("U5")


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with staged(tmp_path, (CHAT,)) as stage, serving(stage) as api:
        yield api


def test_document_is_fresh() -> None:
    assert json.loads(TARGET.read_text()) == document(), "run `python -m infra.openapi`"


@pytest.mark.row("U10")
async def test_whatever_is_sent_is_answered_as_described(api: Api) -> None:
    mia = await api.account("mia")
    told = IngestNode(node_id="n", region="iad", url="rtmp://n/app", publishers=0, capacity=9, occurred_at=now_us() + 60_000_000)
    api.stage.publisher.publish(told).result(5)
    headers = {"Authorization": f"Bearer {mia.access_token}", "Client-Id": mia.client_id}

    def ask() -> int:
        schema = schemathesis.openapi.from_url(f"{api.url}/helix/openapi.json")
        count = 0
        for found in schema.get_all_operations():
            operation = found.ok()
            for mode, examples in EXAMPLES.items():
                if mode is schemathesis.GenerationMode.NEGATIVE and operation.path in PLAIN:
                    continue

                @seed(7)
                @settings(
                    max_examples=examples,
                    deadline=None,
                    database=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
                @given(case=operation.as_strategy(generation_mode=mode))
                def called(case: Case) -> None:
                    nonlocal count
                    count += 1
                    case.call_and_validate(headers=headers, checks=CHECKS)

                called()
        return count

    assert await asyncio.to_thread(ask) > 200
