"""The supervisor, with real processes: order, restarts, and nothing that is left behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from infra import process, supervisor
from infra.supervisor import Service, StartError, Supervisor

CHECKOUT = Path(__file__).parents[2]


def shell(name: str, script: str, lacks: Callable[[], str] = lambda: "") -> Service:
    """A service that is a shell script."""

    async def look() -> str:
        return lacks()

    return Service(name, lambda: ["sh", "-c", script], look)


def gone(pid: int) -> bool:
    """No such process, or one that only waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


async def until(holds: Callable[[], bool], within: float = 30) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "did not come true in time"
        await asyncio.sleep(0.02)


async def test_a_stage_starts_after_the_one_before_is_ready_and_stops_before_it(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    script = "trap 'echo -{0} >> {1}; exit' TERM; sleep 0.2; echo +{0} >> {1}; touch {1}.{0}; while :; do sleep 0.05; done"

    def service(name: str) -> Service:
        return shell(name, script.format(name, seen), lambda: "" if Path(f"{seen}.{name}").exists() else "its file")

    running = Supervisor([[service("log")], [service("view")]], tmp_path / "logs", lambda: None)
    await running.start()
    await running.stop()
    assert seen.read_text().split() == ["+log", "+view", "-view", "-log"]
    assert [state.phase for state in running.states.values()] == ["stopped", "stopped"]


async def test_what_a_service_waits_for_is_shown(tmp_path: Path) -> None:
    lacks = ["the broker"]
    shown: list[str] = []
    running = Supervisor([[shell("view", "exec sleep 60", lambda: lacks[0])]], tmp_path, lambda: shown.append(running.states["view"].lacks))
    start = asyncio.create_task(running.start())
    await until(lambda: "the broker" in shown)
    lacks[0] = ""
    await start
    assert running.states["view"].lacks == ""
    await running.stop()


async def test_a_killed_process_is_started_anew(tmp_path: Path) -> None:
    running = Supervisor([[shell("view", "exec sleep 60")]], tmp_path, lambda: None)
    await running.start()
    state = running.states["view"]
    first = state.pid
    os.kill(first, signal.SIGKILL)
    await until(lambda: state.phase == "ready" and state.pid not in (0, first))
    assert state.restarts == 1
    await running.stop()
    assert gone(state.pid)


async def test_the_end_of_a_process_is_seen_though_its_children_live_and_they_end_too(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    running = Supervisor([[shell("edge", f"sleep 1000 & echo $! >> {pids}; wait")]], tmp_path, lambda: None)
    await running.start()
    state = running.states["edge"]
    await until(lambda: pids.exists() and pids.read_text().endswith("\n"))
    first, child = state.pid, int(pids.read_text())
    os.kill(first, signal.SIGKILL)
    await until(lambda: state.phase == "ready" and state.restarts == 1)
    await until(lambda: gone(child))
    await running.stop()


@pytest.mark.row("U10")
async def test_a_process_that_cannot_start_is_given_up_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.01)
    running = Supervisor([[shell("view", "echo no room for me; exit 3", lambda: "an answer")]], tmp_path, lambda: None)
    with pytest.raises(StartError, match=r"(?s)view did not start: ended with code 3.*view.log.*no room for me"):
        await running.start()
    await running.stop()


async def test_a_stop_leaves_no_child_of_a_child_and_kills_who_does_not_listen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PATIENCE", 0.3)
    pids = tmp_path / "pids"
    deaf = shell(
        "deaf", f"trap '' TERM; sleep 1000 & echo $$ $! > {pids}; while :; do sleep 0.05; done", lambda: "" if pids.exists() else "x"
    )
    running = Supervisor([[deaf]], tmp_path, lambda: None)
    await running.start()
    await until(lambda: len(pids.read_text().split()) == 2)
    await running.stop()
    await until(lambda: all(gone(int(pid)) for pid in pids.read_text().split()))


async def test_a_stop_during_the_start_leaves_nothing(tmp_path: Path) -> None:
    running = Supervisor([[shell("view", "exec sleep 60", lambda: "something that never comes")]], tmp_path, lambda: None)
    start = asyncio.create_task(running.start())
    await until(lambda: running.states["view"].pid != 0)
    pid = running.states["view"].pid
    start.cancel()
    await running.stop()
    assert gone(pid)


@pytest.mark.kill
async def test_nothing_survives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    script = f"""
import asyncio, json, sys
from pathlib import Path
from infra.supervisor import Service, Supervisor
async def ready(): return ""
async def main():
    running = Supervisor([[Service(n, lambda: ["sleep", "1000"], ready) for n in ("a", "b")]], Path({str(tmp_path)!r}), lambda: None)
    await running.start()
    print(json.dumps([state.pid for state in running.states.values()]), flush=True)
    await asyncio.sleep(1000)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=CHECKOUT) as starter:
        assert starter.stdout is not None
        pids = json.loads(await asyncio.to_thread(starter.stdout.readline))
        assert not any(gone(pid) for pid in pids)
        starter.kill()
    await until(lambda: all(gone(pid) for pid in pids))


async def test_a_full_log_is_moved_aside_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "FILE_LIMIT", 10_000)
    child = await process.Process.start(["sh", "-c", "for i in $(seq 20000); do echo line $i; done"], tmp_path / "x.log", {})
    assert await child.ended() == 0
    await child.stop()
    kept = (tmp_path / "x.1.log").read_text() + ((tmp_path / "x.log").read_text() if (tmp_path / "x.log").exists() else "")
    assert kept.splitlines()[-1] == "line 20000"
    assert len(kept) < 2 * (10_000 + 65_536)


async def test_a_start_does_not_wait_for_what_is_not_waited_for_and_starts_it_again_however_often_it_fails(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE", 0.01)
    job = shell("job", "exit 3", lambda: "its job")._replace(waited=False)
    running = Supervisor([[shell("view", "exec sleep 60")], [job]], tmp_path / "logs", lambda: None)
    await asyncio.wait_for(running.start(), 30)
    await until(lambda: running.states["job"].restarts > supervisor.STARTS)
    assert running.states["view"].phase == "ready"
    await running.stop()
