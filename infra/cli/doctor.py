"""`chronicast doctor`: checks what the system needs, and says how to mend what is not right."""

import asyncio
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from infra import bootstrap, ports, probing, system
from infra.cli.console import FAILED, AsJson, CommandError, empty_table, out, settings, show_json
from infra.nginx import NginxMissingError, nginx
from infra.run import noted
from infra.settings import CHECKOUT, Settings

MEMORY_MIB = 2_000
"""All processes and the demo with its ladder hold 1.5 GiB."""
DISK_MIB = 4_000
"""An hour of one 6 Mbit/s stream with its ladder is 4 GB."""
FILES = 4_096
"""A viewer holds three descriptors at the edge, a channel about twenty in the workers."""


class Finding(NamedTuple):
    """What a check found."""

    check: str
    ok: bool
    found: str
    fix: str = ""


def doctor(as_json: AsJson = False) -> None:
    """Check programs, packages, ports, space and what runs. Exits 1 where something is to be mended."""
    findings = list(_findings())
    if as_json:
        show_json([finding._asdict() for finding in findings])
    else:
        table = empty_table("", "check", "found", "fix")
        for finding in findings:
            table.add_row("[green]ok[/]" if finding.ok else "[red]no[/]", finding.check, finding.found, "" if finding.ok else finding.fix)
        out.print(table)
    if not all(finding.ok for finding in findings):
        raise SystemExit(FAILED)


def _findings() -> Iterator[Finding]:
    """All checks, cheap ones first."""
    try:
        now = settings()
    except CommandError as cause:
        yield Finding("settings", ok=False, found=str(cause), fix="correct the variable")
        return
    yield Finding("settings", ok=True, found="as documented")
    yield from _programs()
    yield from _packages()
    yield from _machine(now)
    run = noted(now.folder)
    if run is None:
        yield from _ports(now)
    else:
        yield from _running(now, demo=run.demo)
    yield from _outside(now)


def _programs() -> Iterator[Finding]:
    """Python, and the system's programs."""
    version = sys.version_info
    yield Finding(
        "Python",
        (3, 11) <= version < (3, 13),
        f"{version.major}.{version.minor}.{version.micro}",
        "remove .venv, install Python 3.11 or 3.12",
    )
    yield _program("Java", ["java", "-version"], r'version "(\d+)', 17, "apt-get install openjdk-17-jre-headless")
    yield _program("ffmpeg", ["ffmpeg", "-version"], r"version n?(\d+)", 5, "apt-get install ffmpeg")
    yield _x264()
    try:
        yield _program("nginx", [nginx(), "-v"], r"nginx/(\d+)", 1, "apt-get install nginx-light")
    except NginxMissingError as cause:
        yield Finding("nginx", ok=False, found=str(cause), fix="apt-get install nginx-light libnginx-mod-http-lua")


def _program(name: str, command: list[str], version: str, least: int, fix: str) -> Finding:
    """A program that is there in a version that will do."""
    text = _said(command)
    match = re.search(version, text)
    if match is None:
        return Finding(name, ok=False, found=text or "not installed", fix=fix)
    return Finding(name, int(match[1]) >= least, text.splitlines()[0], fix)


def _x264() -> Finding:
    """What the demo is made with."""
    has = "libx264" in _said(["ffmpeg", "-hide_banner", "-encoders"])
    return Finding("ffmpeg with x264", has, "yes" if has else "no libx264", "install Debian's ffmpeg, not one built without GPL parts")


def _said(command: list[str]) -> str:
    """All that a program says; empty where it is not there."""
    if shutil.which(command[0]) is None:
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL).stdout or _erred(command)


def _erred(command: list[str]) -> str:
    """What a program says where errors go: Java and nginx tell their version there."""
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL).stderr


def _packages() -> Iterator[Finding]:
    """What the lock files name."""
    stamps: dict[str, Callable[[], bool]] = {
        "Python packages": lambda: any(bootstrap.done(bootstrap.VENV, bootstrap.python_stamp(level)) for level in bootstrap.LEVELS),
        "page packages": lambda: bootstrap.has_npm_packages(bootstrap.PAGE),
        "Kafka's archives": lambda: bootstrap.done(
            bootstrap.STATE / "jars" / "kafka", bootstrap.digest(CHECKOUT / "infra" / "jars" / "pom.xml")
        ),
    }
    for name, right in stamps.items():
        yield Finding(name, right(), "as locked" if right() else "missing or of another lock file", "./chronicast up installs them")


def _machine(now: Settings) -> Iterator[Finding]:
    """Space, memory, descriptors."""
    home = now.folder
    home.mkdir(parents=True, exist_ok=True)
    yield Finding("home", os.access(home, os.W_OK), f"{home}", "give yourself the right to write there, or set CHRONICAST_HOME")
    free = shutil.disk_usage(home).free // 2**20
    yield Finding("disk", free > DISK_MIB, f"{free} MiB free", f"make room: {DISK_MIB} MiB, or set CHRONICAST_HOME to another disk")
    lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    memory = int(lines["MemAvailable"].split()[0]) // 1024
    running = noted(home) is not None
    yield Finding("memory", running or memory > MEMORY_MIB, f"{memory} MiB available", f"{MEMORY_MIB} MiB are needed: end something else")
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = files >= FILES or files == resource.RLIM_INFINITY
    yield Finding("open files", enough, str(files), f"ulimit -n {FILES}, for more than a few hundred viewers")


def _ports(now: Settings) -> Iterator[Finding]:
    """Whether the system could listen."""
    for stage in system.stages(now, demo=False):
        for service in stage:
            for port in service.ports:
                taken = ports.taken(port)
                found = f"taken by {ports.holder(port) or 'a process of another user'}" if taken else "free"
                yield Finding(f"port {port} ({service.name})", not taken, found, "stop it, or move ours by CHRONICAST_PORT_OFFSET")


def _running(now: Settings, *, demo: bool) -> Iterator[Finding]:
    """Whether what runs is healthy."""
    for stage in system.stages(now, demo=demo):
        for service in stage:
            lacks = asyncio.run(_ask(service.lacks))
            yield Finding(f"{service.name} runs", not lacks, lacks or "ready", f"its log: {now.folder / 'logs' / service.name}.log")


def _outside(now: Settings) -> Iterator[Finding]:
    """Whether the outside parts that the settings name answer."""
    if now.registry:
        lacks = asyncio.run(_ask(probing.http(f"{now.registry.rstrip('/')}/subjects")))
        yield Finding("outside registry", not lacks, lacks or now.registry, "docs/how-to/run-your-own-registry.md")


async def _ask(look: probing.Look) -> str:
    return await look()
