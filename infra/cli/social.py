"""`chronicast account follow|unfollow|subscribe|raid|moderator`: what accounts are to each other."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from infra.accounts import AccountError
from infra.cli.console import AsJson, CommandError, out, parts, show_json
from infra.social import Social, SocialError
from schemas.events.social import Plan

Login = Annotated[str, typer.Argument(help="Account that does it.")]
Channel = Annotated[str, typer.Argument(help="Channel that it is done to.")]
MOST_MONTHS = 1_200
"""A hundred years: more is a slip."""
MOST_VIEWERS = 10_000_000


@contextmanager
def social() -> Iterator[Social]:
    """The accounts of the system that runs."""
    with parts() as found:
        try:
            yield Social(found.log, found.codec)
        except (AccountError, SocialError) as cause:
            raise CommandError(str(cause)) from cause


def tell(words: str, *, as_json: bool, **values: object) -> None:
    """Says what was done, to people or programs."""
    if as_json:
        show_json(values)
    else:
        out.print(words, markup=False)


def follow(login: Login, channel: Channel, as_json: AsJson = False) -> None:
    """Have an account follow a channel."""
    with social() as facts:
        facts.follow(login, channel)
    tell(f"{login} follows {channel}", as_json=as_json, login=login, channel=channel, following=True)


def unfollow(login: Login, channel: Channel, as_json: AsJson = False) -> None:
    """Have it follow no more."""
    with social() as facts:
        facts.unfollow(login, channel)
    tell(f"{login} does not follow {channel} any more", as_json=as_json, login=login, channel=channel, following=False)


def subscribe(
    login: Login,
    channel: Channel,
    *,
    plan: Annotated[Plan, typer.Option(help="Price tier.")] = "tier1",
    months: Annotated[int, typer.Option(min=1, max=MOST_MONTHS, help="Months subscribed in all.")] = 1,
    gifter: Annotated[str, typer.Option(help="Account that pays for it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Have an account subscribe to a channel, or renew; the chat shows it."""
    with social() as facts:
        facts.subscribe(login, channel, plan, months, gifter or None)
    tell(
        f"{login} is subscribed to {channel} ({plan}, month {months})",
        as_json=as_json,
        login=login,
        channel=channel,
        plan=plan,
        months=months,
        gifter=gifter or None,
    )


def raid(
    login: Login,
    channel: Channel,
    viewers: Annotated[int, typer.Option(min=1, max=MOST_VIEWERS, help="Viewers sent along.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Send a channel's viewers to another one; its chat shows it."""
    with social() as facts:
        facts.raid(login, channel, viewers)
    tell(f"{login} raids {channel} with {viewers}", as_json=as_json, login=login, channel=channel, viewers=viewers)


def moderator(
    login: Login,
    channel: Channel,
    remove: Annotated[bool, typer.Option("--remove", help="Take it away again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make an account a moderator of a channel, in the broadcaster's name."""
    with social() as facts:
        facts.role(login, channel, "moderator", granted=not remove)
    words = f"{login} is {'no moderator' if remove else 'a moderator'} of {channel}{' any more' if remove else ''}"
    tell(words, as_json=as_json, login=login, channel=channel, moderator=not remove)
