"""`chronicast vod list|cost|keep|delete`: what the archive holds."""

from typing import Annotated

import typer

from infra.cli.console import FAILED, AsJson, CommandError, age, empty_table, out, parts, settings, show_json
from infra.parts import Parts
from processors.transcode.ladder import Tier
from processors.vod.cost import GB, PRICES, stored_bytes
from processors.vod.cost import cost as price
from processors.vod.fold import DAY_US
from schemas.events import DeleteVod
from sinks.archive.archivist import shelved
from sinks.archive.vods import TOPIC, Vod, Vods, describe
from streams.clock import now_us
from streams.reading import whole

vod = typer.Typer(no_args_is_help=True, help="What the archive holds.")
VodId = Annotated[str, typer.Argument(help="Id of the VOD, as `vod list` shows it.")]
PRODUCER = "vod-command"


def archived(found: Parts) -> Vods:
    """All VODs, from the log."""
    vods = Vods()
    for record in whole(found.log, TOPIC):
        if record.value is not None:
            vods.apply(found.codec.decode(record.value))
    return vods


def named(vods: Vods, vod_id: str) -> Vod:
    """A VOD that is there.

    Raises:
        CommandError: there is none.
    """
    one = vods.get(vod_id)
    if one is None:
        gone = "it was deleted" if vods.gone(vod_id) else "nothing has this id"
        raise CommandError(f"there is no VOD {vod_id}: {gone}. ./chronicast vod list shows those that are there", FAILED)
    return one


@vod.command("list")
def list_(channel: Annotated[str, typer.Option(help="Only those of this channel's login.")] = "", as_json: AsJson = False) -> None:
    """Show the VODs, newest first."""
    with parts() as found:
        rows = [describe(one) for one in archived(found).all(channel.lower() or None)]
    if as_json:
        show_json(rows)
        return
    table = empty_table("VOD", "channel", "began", "length", "in store", "size", "kept for", "renditions")
    for row in rows:
        kept = "ever" if row["retention_days"] < 0 else f"{row['retention_days']} d"
        size = f"{row['size'] / 1e6:,.1f} MB"
        length = age(row["duration_ms"] / 1_000)
        table.add_row(row["vod_id"], row["login"], row["started_at"], length, row["storage"], size, kept, " ".join(row["renditions"]))
    out.print(table)


@vod.command()
def cost(
    hours: Annotated[float, typer.Option(min=0, help="Length of the stream.")] = 4.0,
    tier: Annotated[Tier, typer.Option(help="Decides the renditions and, with the settings, the retention.")] = "partner",
    as_json: AsJson = False,
) -> None:
    """Say what an archived stream takes and costs over its life, by bit rates and prices."""
    now = settings()
    days = now.retention_days_partner if tier == "partner" else now.retention_days
    found = price(stored_bytes(hours * 3_600, tier), days)
    if as_json:
        show_json({"hours": hours, "tier": tier, "size": found.size, "days": found.days, "dollars": found.dollars, "total": found.total})
        return
    out.print(f"{hours:g} h of a {tier}: {found.size / GB:.1f} GB")
    for store, count in found.days.items():
        out.print(f"  {store:5} {count:4} d   {found.dollars[store]:8.4f} $ at {PRICES[store]} $ a GB-month")
    out.print(f"  in all         {found.total:8.4f} $")


@vod.command()
def keep(
    vod_id: VodId,
    days: Annotated[int, typer.Option(min=-1, help="Days since its end after which it is deleted; -1 is never.")] = -1,
    as_json: AsJson = False,
) -> None:
    """Keep a VOD for another time, or for ever: it then goes to the cold store."""
    with parts() as found:
        one = named(archived(found), vod_id).archived
        found.publisher(PRODUCER).publish(shelved(one.channel_id, vod_id, one.ended_at, days)).result()
    if as_json:
        show_json({"vod_id": vod_id, "retention_days": days})
    else:
        left = one.ended_at + days * DAY_US - now_us()
        out.print(f"{vod_id} is kept for ever" if days < 0 else f"{vod_id} is kept for {age(max(0.0, left / 1e6))}")


@vod.command()
def delete(vod_id: VodId, as_json: AsJson = False) -> None:
    """Delete a VOD and all of its objects. Clips of it stay."""
    with parts() as found:
        one = named(archived(found), vod_id).archived
        found.publisher(PRODUCER).publish(DeleteVod(channel_id=one.channel_id, vod_id=vod_id, reason="command")).result()
    if as_json:
        show_json({"vod_id": vod_id, "deleted": True})
    else:
        out.print(f"{vod_id} will be gone in a moment")
