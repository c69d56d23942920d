"""Our own PostgreSQL: one cluster on a port of ours, started like Kafka, never by root."""

import os
import pwd
import subprocess
from pathlib import Path

import psycopg

ROOT = Path("/usr/lib/postgresql")
"""Where Debian keeps it, a folder a version, off the path."""
ACCOUNT = "postgres"
"""Debian's account for it. PostgreSQL refuses to run as root."""
OWNER = "chronicast"
"""Role that owns the tables."""
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "50",
    "shared_buffers": "32MB",
    "synchronous_commit": "off",  # a view of the log: what a crash loses is written again
    "bgwriter_delay": "10s",  # and the next: few writes, so an idle server need not wake
    "wal_writer_delay": "10s",
    "log_min_messages": "warning",
}


class PostgresMissingError(RuntimeError):
    """PostgreSQL is not installed. Operator action: `./chronicast up` installs it (Debian: postgresql)."""


class PostgresNode:
    """A cluster in a folder."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port

    @property
    def url(self) -> str:
        """Where its database is."""
        return f"postgresql://{OWNER}@127.0.0.1:{self.port}/postgres"

    def prepare(self) -> None:
        """Makes the cluster where it is missing.

        Raises:
            PostgresMissingError: there is no PostgreSQL.
            RuntimeError: it could not be made; the message has its words.
        """
        if (self.folder / "PG_VERSION").exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            account = pwd.getpwnam(ACCOUNT)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        options = ["-U", OWNER, "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        done = subprocess.run([*_as(), program("initdb"), "-D", str(self.folder), *options], check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"PostgreSQL could not make its cluster in {self.folder}: {done.stderr.strip()[-500:]}")

    def command(self) -> list[str]:
        """The command line that runs it in the foreground."""
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        return [*_as(), program("postgres"), "-D", str(self.folder), "-p", str(self.port), *settings]

    def ready(self) -> bool:
        """Whether it answers."""
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def program(name: str) -> str:
    """Path of a program of the newest version.

    Raises:
        PostgresMissingError: there is none.
    """
    found = sorted(ROOT.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise PostgresMissingError(f"no {name} under {ROOT}; ./chronicast up installs it (Debian: postgresql)")
    return str(found[-1])


def _as() -> list[str]:
    """Root becomes Debian's account, which may still enter folders that are root's alone, such as a home in one.

    The parent-death signal goes with the change of user, so it is set again.
    """
    if os.geteuid():
        return []
    may = "+dac_read_search"
    user = [f"--reuid={ACCOUNT}", f"--regid={pwd.getpwnam(ACCOUNT).pw_gid}", "--init-groups"]
    return ["setpriv", *user, f"--inh-caps={may}", f"--ambient-caps={may}", "--pdeathsig", "INT", "--"]
