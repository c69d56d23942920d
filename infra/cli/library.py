"""`chronicast library rebuild`: the library's tables, made anew from the log."""

import psycopg
import typer

from infra.cli.console import ABSENT, AsJson, CommandError, out, parts, settings, show_json
from sinks.tables.projection import rebuild as rebuild_tables

library = typer.Typer(no_args_is_help=True, help="The library's tables in PostgreSQL.")


@library.callback()
def group() -> None:
    """The library's tables in PostgreSQL."""


@library.command()
def rebuild(as_json: AsJson = False) -> None:
    """Drop the tables and make them anew from the log. Whoever reads them sees the former ones until it is done."""
    url = settings().postgres_url
    with parts() as found:
        try:
            before, now = rebuild_tables(found.log, found.codec, url)
        except psycopg.OperationalError as cause:
            raise CommandError(
                f"no PostgreSQL answers at {url.rpartition('@')[2]}: {cause}. Start the system: ./chronicast up", ABSENT
            ) from cause
    same = before == now
    if as_json:
        rows, rows_before = now.vods + now.clips, before.vods + before.clips
        show_json({"vods": now.vods, "clips": now.clips, "rows": rows, "rows_before": rows_before, "digest": now.digest, "same": same})
    else:
        former = "the same as before" if same else f"{before.vods:,} and {before.clips:,} before, or with other contents"
        out.print(f"{now.vods:,} VODs and {now.clips:,} clips, {former}")
