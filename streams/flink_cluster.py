"""A Flink session cluster over its REST interface: which jobs of a name run there, and their orderly end."""

import asyncio
from time import monotonic
from typing import Any

import aiohttp

from streams.errors import TransientError

ANSWER_S = 10.0
"""For one request; the job manager answers within milliseconds."""
ENDED_S = 60.0
"""For a job's end: its tasks are cancelled at once, and a task manager that has gone is given up after 50 s (heartbeat.timeout)."""
POLL_S = 0.2
OVER = {"FINISHED", "CANCELED", "FAILED"}
"""States that a job never leaves (org.apache.flink.api.common.JobStatus)."""


class ClusterError(TransientError):
    """The Flink cluster does not answer, or does not do what it was asked.

    Operator action: see whether its job manager runs at the address in `CHRONICAST_FLINK`.
    """


class FlinkCluster:
    """The cluster whose REST interface is at a URL."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    async def running(self, name: str) -> list[str]:
        """Ids of the jobs of a name that are not over.

        Raises:
            ClusterError: it does not answer.
        """
        found = await self._ask("GET", "/jobs/overview")
        return [job["jid"] for job in found["jobs"] if job["name"] == name and job["state"] not in OVER]

    async def cancel(self, name: str) -> list[str]:
        """Ends all jobs of a name and waits until they are over; their ids. Checkpoints that they retain are whole by then.

        Raises:
            ClusterError: it does not answer, or a job does not end.
        """
        jobs = await self.running(name)
        for job in jobs:
            await self._ask("PATCH", f"/jobs/{job}?mode=cancel")
        deadline = monotonic() + ENDED_S
        while jobs and await self.running(name):
            if monotonic() > deadline:
                raise ClusterError(f"{name} at {self._url} does not end within {ENDED_S:.0f} s: see the job manager's log")
            await asyncio.sleep(POLL_S)
        return jobs

    async def _ask(self, method: str, path: str) -> Any:
        """What it answers, decoded; a job that is over already (404, 409) is none to end."""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S)) as session,
                session.request(method, self._url + path) as answer,
            ):
                if answer.status >= 400 and not (method == "PATCH" and answer.status in {404, 409}):
                    raise ClusterError(f"the Flink cluster at {self._url} answers {answer.status} to {path}: {(await answer.text())[:300]}")
                return await answer.json()
        except (aiohttp.ClientError, TimeoutError) as cause:
            raise ClusterError(
                f"no Flink cluster answers at {self._url} ({type(cause).__name__}): start it, or correct CHRONICAST_FLINK"
            ) from cause
