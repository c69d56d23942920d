"""Runs Flink SQL in a small Flink of its own, in this process's JVM: `python -m streams.flink_driver JARS < statements.sql`.

Prints a line of JSON for each row that a query gives: an object by column name. The text runs bounded or unbounded, as its
`SET 'execution.runtime-mode'` and the tables' `scan.bounded.mode` say.
"""

import json
import re
import sys
from collections.abc import Iterator
from datetime import date, time
from pathlib import Path
from typing import Any

STATEMENT = re.compile(r"""(?:'(?:[^']|'')*'|`[^`]*`|"[^"]*"|--[^\n]*|/\*.*?\*/|[^;'`"/-]|[/-])+""", re.DOTALL)
"""Text up to a semicolon that is in no string, name or comment."""
SET = re.compile(r"SET\s+'([^']+)'\s*=\s*'([^']*)'", re.IGNORECASE)
MODE = "execution.runtime-mode"
"""The one setting that an environment takes at its making only: `batch` anywhere in a script holds for all of it."""
WRITES = re.compile(r"\s*(INSERT|EXECUTE)\b", re.IGNORECASE)
"""A job to wait for: what it returns is its id, not rows."""
COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


def statements(text: str) -> Iterator[str]:
    """The statements of a script, without those that are comments alone."""
    for found in STATEMENT.findall(text):
        if COMMENT.sub("", found).strip():
            yield found.strip()


def setting(statement: str) -> tuple[str, str] | None:
    """Name and value, where a statement is a SET."""
    found = SET.fullmatch(COMMENT.sub("", statement).strip())
    return (found[1], found[2]) if found else None


def plain(value: Any) -> str:
    """What JSON has no form for: times in ISO 8601, bytes as text where they are, as hex where not."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.hex()
    return str(value)


def run(text: str, jars: Path) -> None:
    """Executes a script; what its queries give goes to standard output as it comes."""
    from pyflink.table import ResultKind  # noqa: PLC0415 - a JVM starts

    table, script = _environment(text, jars)
    for statement in script:
        result = table.execute_sql(statement)
        if result.get_result_kind() == ResultKind.SUCCESS:
            continue
        if _writes(statement):
            result.wait()
            continue
        names = result.get_table_schema().get_field_names()
        with result.collect() as rows:
            for row in rows:
                sys.stdout.write(json.dumps(dict(zip(names, row, strict=True)), default=plain) + "\n")
                sys.stdout.flush()


def started(text: str, jars: Path) -> Any:
    """The job (pyflink's JobClient) that all INSERTs of a script make together; it runs in this process's JVM."""
    table, script = _environment(text, jars)
    job = table.create_statement_set()
    for statement in script:
        if _writes(statement):
            job.add_insert_sql(statement)
        else:
            table.execute_sql(statement)
    return job.execute().get_job_client()


def _environment(text: str, jars: Path) -> tuple[Any, Iterator[str]]:
    """The TableEnvironment, and the script's statements; a SET is done when its turn comes."""
    from pyflink.table import EnvironmentSettings, TableEnvironment  # noqa: PLC0415 - a JVM starts

    script = list(statements(text))
    batch = any((found := setting(one)) and found[0] == MODE and found[1].lower() == "batch" for one in script)
    mode = EnvironmentSettings.in_batch_mode() if batch else EnvironmentSettings.in_streaming_mode()
    table = TableEnvironment.create(mode)
    table.get_config().set("pipeline.jars", ";".join(path.as_uri() for path in sorted(jars.glob("*.jar"))))
    table.get_config().set("parallelism.default", "1")

    def others() -> Iterator[str]:
        for statement in script:
            found = setting(statement)
            if found is None:
                yield statement
            elif found[0] != MODE:
                table.get_config().set(*found)

    return table, others()


def _writes(statement: str) -> bool:
    return WRITES.match(COMMENT.sub("", statement)) is not None


if __name__ == "__main__":
    run(sys.stdin.read(), Path(sys.argv[1]))
