"""`chronicast account ...`: accounts, and the keys that publishers go live with."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import msgspec
import typer

from infra.accounts import AccountError, Accounts
from infra.cli import social
from infra.cli.console import AsJson, CommandError, empty_table, out, parts, settings, show_json
from schemas.events.channel import Tier

account = typer.Typer(no_args_is_help=True, help="Make and list accounts; stream keys; who follows, subscribes, raids, moderates.")
for command in (social.follow, social.unfollow, social.subscribe, social.raid, social.moderator):
    account.command()(command)
Login = Annotated[str, typer.Argument(help="Lower-case name, as in the page's address.")]


@contextmanager
def accounts() -> Iterator[Accounts]:
    """The accounts of the system that runs."""
    with parts() as found:
        try:
            yield Accounts(found.log, found.codec, "account")
        except AccountError as cause:
            raise CommandError(str(cause)) from cause


@account.command()
def create(
    login: Login,
    tier: Annotated[Tier, typer.Option(help="Decides the renditions that the channel gets.")] = "regular",
    as_json: AsJson = False,
) -> None:
    """Make an account; its token and key are shown this once."""
    with accounts() as all_of_them:
        made = all_of_them.create(login, tier)
    if as_json:
        show_json(msgspec.to_builtins(made))
        return
    for name in made.__struct_fields__:
        out.print(f"{name:<13} {getattr(made, name)}")
    out.print(f"{'server':<13} {settings().rtmp_url}")
    out.print("[dim]Token and key are shown this once. New ones: ./chronicast account rotate-token and rotate-key " + login + "[/]")


@account.command("rotate-key")
def rotate_key(login: Login, as_json: AsJson = False) -> None:
    """Make a new stream key; the present one is refused from now on."""
    with accounts() as all_of_them:
        key = all_of_them.rotate_key(login)
    if as_json:
        show_json({"login": login, "stream_key": key})
    else:
        out.print(f"stream_key    {key}\n[dim]Shown this once.[/]")


@account.command("revoke-key")
def revoke_key(login: Login, as_json: AsJson = False) -> None:
    """Take the stream key away; the channel cannot go live until it gets a new one."""
    with accounts() as all_of_them:
        all_of_them.revoke_key(login)
    if as_json:
        show_json({"login": login, "stream_key": None})
    else:
        out.print(f"{login} has no stream key any more. A new one: ./chronicast account rotate-key {login}")


@account.command()
def promote(login: Login, tier: Annotated[Tier, typer.Argument(help="The tier from now on.")], as_json: AsJson = False) -> None:
    """Give a channel another tier; a stream that is live gets its renditions, and its recording its retention."""
    with accounts() as all_of_them:
        all_of_them.promote(login, tier)
    if as_json:
        show_json({"login": login, "tier": tier})
    else:
        out.print(f"{login} is {tier} now")


@account.command()
def turbo(
    login: Login,
    on: Annotated[bool, typer.Option("--on/--off", help="Whether its owner has it.")] = True,
    as_json: AsJson = False,
) -> None:
    """Say that a channel's owner has Turbo or Prime: what it streams is kept for as long as a partner's recordings are."""
    with accounts() as all_of_them:
        all_of_them.turbo(login, on=on)
    if as_json:
        show_json({"login": login, "turbo": on})
    else:
        out.print(f"{login} has {'Turbo now' if on else 'Turbo no more'}")


@account.command()
def restrict(
    login: Login,
    mature: Annotated[
        bool | None, typer.Option("--mature/--all-ages", help="Whether viewers must confirm that mature content is fine.")
    ] = None,
    subscribers: Annotated[bool | None, typer.Option("--subscribers/--everyone", help="Whether only subscribers may watch.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say who may watch a channel, live and recorded; strangers who watch are out within seconds."""
    if mature is None and subscribers is None:
        raise CommandError("nothing to change: --subscribers or --everyone, --mature or --all-ages")
    with accounts() as all_of_them:
        now = all_of_them.restrict(login, mature=mature, subscribers_only=subscribers)
    if as_json:
        show_json({"login": login, "mature": now.mature, "subscribers_only": now.watch_subscribers_only})
        return
    who = "subscribers" if now.watch_subscribers_only else "everyone"
    out.print(f"{login} is for {who}" + (" who confirms that mature content is fine" if now.mature else ""), markup=False)


@account.command("rotate-token")
def rotate_token(login: Login, as_json: AsJson = False) -> None:
    """Make a new access token, which chat and API are used by; the present one is refused from now on."""
    with accounts() as all_of_them:
        token = all_of_them.rotate_token(login)
    if as_json:
        show_json({"login": login, "access_token": token})
    else:
        out.print(f"access_token  {token}\n[dim]Shown this once.[/]")


@account.command("list")
def list_accounts(as_json: AsJson = False) -> None:
    """List all accounts."""
    with accounts() as all_of_them:
        found = [
            {
                "id": one.channel_id,
                "login": one.login,
                "tier": one.tier,
                "client_id": one.client_id,
                "has_key": one.stream_key_hash is not None,
            }
            for one in all_of_them.all()
        ]
    if as_json:
        show_json(found)
        return
    table = empty_table("login", "id", "tier", "stream key")
    for one in found:
        table.add_row(str(one["login"]), str(one["id"]), str(one["tier"]), "yes" if one["has_key"] else "revoked")
    out.print(table)
