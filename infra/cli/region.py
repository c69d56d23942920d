"""`chronicast region set|list`: which regions may transcode what another has no room for."""

import re
from typing import Annotated

import typer

from infra.accounts import ANSWER_S
from infra.cli.console import USAGE, AsJson, CommandError, empty_table, out, parts, show_json
from infra.parts import Parts
from schemas.events import RegionPeers
from streams.reading import whole
from streams.topics import OF_EVENT

region = typer.Typer(no_args_is_help=True, help="Regions, and where partners go whom one has no room for.")
PRODUCER = "region-command"
TOPIC = OF_EVENT[RegionPeers].name
NAME = re.compile(r"[^\s,]+")


@region.command("set")
def set_(
    name: Annotated[str, typer.Argument(help="The region, as CHRONICAST_REGION names it on its machines.")],
    *,
    peers: Annotated[str, typer.Option(help="Regions that may take what it has no room for, nearest first, with commas between.")],
    as_json: AsJson = False,
) -> None:
    """Set a region's peers, in place of those it had; `--peers ""` takes them away."""
    event = RegionPeers(region=_named(name), peers=_listed(name, peers))
    with parts() as found:
        found.publisher(PRODUCER).publish(event).result(ANSWER_S)
    if as_json:
        show_json(_row(event))
    else:
        out.print(f"{name}: partners without room go to {', '.join(event.peers) or 'no other region'}", markup=False)


@region.command("list")
def list_(as_json: AsJson = False) -> None:
    """Show the regions that were set, by name, and their peers, nearest first."""
    with parts() as found:
        rows = [_row(event) for event in _configured(found)]
    if as_json:
        show_json(rows)
        return
    table = empty_table("region", "peers")
    for row in rows:
        table.add_row(str(row["region"]), ", ".join(row["peers"]) or "none")
    out.print(table)


def _configured(found: Parts) -> list[RegionPeers]:
    """The last word on each region."""
    last: dict[str, RegionPeers] = {}
    for record in whole(found.log, TOPIC):
        event = found.codec.decode(record.value or b"")
        if isinstance(event, RegionPeers):
            last[event.region] = event
    return [last[name] for name in sorted(last)]


def _named(name: str) -> str:
    if not NAME.fullmatch(name):
        raise CommandError(f"{name!r} is no region: a name has neither spaces nor commas", USAGE)
    return name


def _listed(name: str, peers: str) -> tuple[str, ...]:
    listed = tuple(_named(each.strip()) for each in peers.split(",")) if peers.strip() else ()
    if name in listed:
        raise CommandError(f"--peers {peers!r}: {name} cannot be its own peer; name other regions", USAGE)
    if len(set(listed)) < len(listed):
        raise CommandError(f"--peers {peers!r}: a region is named twice; name each once, nearest first", USAGE)
    return listed


def _row(event: RegionPeers) -> dict[str, str | list[str]]:
    return {"region": event.region, "peers": list(event.peers)}
