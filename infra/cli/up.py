"""`chronicast up`: starts the system, shows how it comes up, and stops it at Ctrl-C."""

import asyncio
import os
import signal
import time
from typing import Annotated

import typer
from rich.live import Live
from rich.table import Table

from infra import ports, system
from infra.accounts import AccountError, Accounts
from infra.cli.console import CommandError, age, err, out, settings
from infra.nginx import NginxMissingError
from infra.parts import Parts
from infra.run import AlreadyRunningError, Run, alone, note
from infra.settings import Settings
from infra.supervisor import StartError, State, Supervisor
from streams.log_admin import ensure_topics

OWNER = "me"
"""The first account, made for whoever starts the system."""
MARKS = {"ready": "[green]ready[/]", "starting": "[yellow]starting[/]", "restarting": "[red]restarting[/]", "waiting": "[dim]waiting[/]"}
HANDBOOK = "docs/how-to/stream-with-obs.md"


def up(no_demo: Annotated[bool, typer.Option("--no-demo", help="Without the demo stream.")] = False) -> None:
    """Start everything, wait until it is healthy, print the addresses; Ctrl-C stops it all."""
    now = settings()
    try:
        with alone(now.folder):
            free_ports(now, demo=not no_demo)
            asyncio.run(Start(now, demo=not no_demo).run())
    except (AlreadyRunningError, StartError, NginxMissingError) as cause:
        raise CommandError(f"{cause}") from cause


def free_ports(now: Settings, *, demo: bool) -> None:
    """Makes sure that every port can be had, before anything starts.

    Raises:
        CommandError: some are taken; it names them and who has them.
    """
    taken = [
        f"  {port} (for {service.name}) is taken{f' by {holder}' if (holder := ports.holder(port)) else ' by a process of another user'}"
        for stage in system.stages(now, demo=demo)
        for service in stage
        for port in service.ports
        if ports.taken(port)
    ]
    if taken:
        raise CommandError(
            "\n".join(
                (
                    "these ports are not free:",
                    *taken,
                    "Stop what holds them, or move all of ours: CHRONICAST_PORT_OFFSET=100 ./chronicast up",
                )
            )
        )


class Start:
    """One life of the system, as its starter sees it."""

    def __init__(self, now: Settings, *, demo: bool) -> None:
        self._settings = now
        self._demo = demo
        self._began = time.time()
        self._supervisor = Supervisor(system.stages(now, demo=demo), now.folder / "logs", self._changed)
        self._phases: dict[str, str] = {}

    async def run(self) -> None:
        """Starts, prints, waits for a signal, stops.

        Raises:
            StartError: a process did not get ready; all are stopped.
        """
        stop = asyncio.Event()
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(sign, stop.set)
        waiting = asyncio.create_task(stop.wait())
        try:
            if self._settings.kafka:
                await asyncio.to_thread(ensure_topics, self._settings.bootstrap)
            await self._come_up(waiting)
            if not stop.is_set():
                out.print(await asyncio.to_thread(self._welcome))
                await waiting
        finally:
            waiting.cancel()
            began = time.monotonic()
            try:
                out.print("Stopping ...")
            finally:  # the terminal itself may be what has gone
                await self._supervisor.stop()
            out.print(f"All stopped in {time.monotonic() - began:.1f} s. What was on the log is there at the next start.")

    async def _come_up(self, waiting: "asyncio.Task[bool]") -> None:
        """Starts all, and shows it; returns early at a signal."""
        start = asyncio.create_task(self._supervisor.start())
        with Live(get_renderable=self._table, console=out, refresh_per_second=4, transient=True) if out.is_terminal else _Nothing():
            await asyncio.wait((start, waiting), return_when=asyncio.FIRST_COMPLETED)
        if start.done():
            start.result()
        start.cancel()

    def _changed(self) -> None:
        """Notes the state for `status`; tells a terminal that is none what happened."""
        states = list(self._supervisor.states.values())
        note(self._settings.folder, Run(os.getpid(), self._began, self._demo, states))
        for state in states:
            if self._phases.get(state.name) != state.phase:
                self._phases[state.name] = state.phase
                if not out.is_terminal and state.phase in MARKS and state.phase != "waiting":
                    out.print(
                        f"{time.time() - self._began:6.1f} s  {state.name:<11} {state.phase}{f': {state.lacks}' if state.lacks else ''}"
                    )
                elif out.is_terminal and state.phase == "restarting":
                    err.print(f"[red]{state.name} restarts[/]: {state.lacks}")

    def _table(self) -> Table:
        """How it comes up."""
        table = Table(title=f"Chronicast starts  {time.time() - self._began:.0f} s", title_justify="left", box=None, padding=(0, 2, 0, 0))
        for name in ("process", "state", "for", "waits for"):
            table.add_column(name)
        for state in self._supervisor.states.values():
            table.add_row(state.name, MARKS.get(state.phase, state.phase), _since(state), state.lacks)
        return table

    def _welcome(self) -> str:
        """Where everything is, once it is up. Plain lines: a key must never be cut to a window's width."""
        now = self._settings
        lines = [
            f"\n[bold green]Chronicast is up[/] after {time.time() - self._began:.0f} s. Ctrl-C stops it.\n",
            f"Watch         [bold]{now.page_url}[/]",
            f"OBS server    [bold]{now.rtmp_url}[/]",
            f"OBS key       {self._key()}",
            f"Logs          {now.folder / 'logs'}",
            f"More          ./chronicast status, ./chronicast account create LOGIN, {HANDBOOK}",
        ]
        return "\n".join(lines)

    def _key(self) -> str:
        """The owner's key at the first start; later on how to get a new one."""
        with Parts(self._settings) as parts:
            accounts = Accounts(parts.log, parts.codec, "account")
            try:
                made = accounts.create(OWNER, "partner")
            except AccountError:
                return f"as shown at the first start; a new one: ./chronicast account rotate-key {OWNER}"
        return f"[bold]{made.stream_key}[/]  (channel '{OWNER}'; shown this once)"


class _Nothing:
    """Shows nothing: `_changed` prints lines."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def _since(state: State) -> str:
    return age(time.time() - state.since) if state.since else ""
