"""Chat while its processes are killed: what was acknowledged is there, once and in order. The long form: `chronicast bench chat_kill`."""

import pytest

from tests.broker.chat_faults import SERVICES, suffer
from tests.chat_system import Chat

pytestmark = [pytest.mark.broker, pytest.mark.kill, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(400)]


@pytest.mark.row("C20", "C23")
async def test_whatever_is_killed_nothing_acknowledged_is_lost_and_nobody_sees_anything_twice(chat: Chat) -> None:
    run = await suffer(chat, senders=12, watchers=2, plan=list(SERVICES), calm_s=2)
    assert run.verdict.exact, run.verdict
    assert run.not_resumed == 0
    assert run.resumed >= len(SERVICES), "the viewers were there when the gateway died"
    assert {attempt.outcome for attempt in run.failed} <= {"unknown"}, run.failed
    assert all(fault.recovery_s < 60 for fault in run.faults), run.faults
