"""`chronicast vod list|cost|keep|delete`: what the archive holds."""

from typing import Annotated, Any

import typer

from infra.cli.console import FAILED, AsJson, CommandError, age, empty_table, out, parts, settings, show_json
from infra.parts import Parts
from processors.transcode.ladder import Tier
from processors.vod.cost import GB, PRICES, Bill, Cost, Kept, bill, stored_bytes
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
    vod_id: Annotated[str, typer.Argument(metavar="[VOD]", help="Id of a VOD; none is all of them.")] = "",
    *,
    hours: Annotated[float, typer.Option(min=0, help="Instead, of a stream that is so long, by its tier's bit rates.")] = 0.0,
    tier: Annotated[Tier, typer.Option(help="Of that stream: decides the renditions and, with the settings, the retention.")] = "partner",
    as_json: AsJson = False,
) -> None:
    """Say what the archive costs a month, by store; or what a VOD, or a stream to come, takes and costs over its life."""
    if hours:
        now = settings()
        days = now.retention_days_partner if tier == "partner" else now.retention_days
        _show_cost(f"{hours:g} h of a {tier}", price(stored_bytes(hours * 3_600, tier), days), {"hours": hours, "tier": tier}, as_json)
        return
    with parts() as found:
        vods = archived(found)
    if vod_id:
        one = named(vods, vod_id).archived
        _show_cost(vod_id, price(one.size, one.retention_days), {"vod_id": vod_id}, as_json)
        return
    fleet = [Kept(each.archived.size, each.storage, each.archived.retention_days, each.archived.ended_at) for each in vods.all()]
    _show_bill(len(fleet), bill(fleet, now_us()), as_json)


def _show_cost(name: str, found: Cost, asked: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show_json({**asked, "size": found.size, "days": found.days, "dollars": found.dollars, "total": found.total})
        return
    out.print(f"{name}: {found.size / GB:.1f} GB")
    for store, count in found.days.items():
        out.print(f"  {store:5} {count:4} d   {found.dollars[store]:8.4f} $ at {PRICES[store]} $ a GB-month")
    out.print(f"  in all         {found.total:8.4f} $")


def _show_bill(vods: int, found: Bill, as_json: bool) -> None:
    total, ahead = sum(found.dollars.values()), sum(found.ahead.values())
    if as_json:
        show_json({"vods": vods, "size": found.sizes, "dollars": found.dollars, "total": total, "ahead": found.ahead, "ahead_total": ahead})
        return
    table = empty_table("store", "size", "$ a GB-month", "$ a month now", "$ a month at last week's pace")
    for store, size in found.sizes.items():
        table.add_row(store, f"{size / GB:,.1f} GB", f"{PRICES[store]}", f"{found.dollars[store]:,.2f}", f"{found.ahead[store]:,.2f}")
    table.add_row("in all", f"{sum(found.sizes.values()) / GB:,.1f} GB", "", f"{total:,.2f}", f"{ahead:,.2f}")
    out.print(table)


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
