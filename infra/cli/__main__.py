"""`python -m infra.cli`, which `./chronicast` runs."""

import sys

import typer

from infra.cli.account import account
from infra.cli.automod import automod
from infra.cli.bench import bench
from infra.cli.clip import clip
from infra.cli.console import FAILED, CommandError, err
from infra.cli.diff import diff
from infra.cli.dlq import dlq
from infra.cli.doctor import doctor
from infra.cli.egress import egress
from infra.cli.erase import erase
from infra.cli.export import export
from infra.cli.features import features
from infra.cli.library import library
from infra.cli.lineage import lineage
from infra.cli.rebuild import rebuild
from infra.cli.recommend import explain, recommend, what_if
from infra.cli.region import region
from infra.cli.replay import replay
from infra.cli.running import run
from infra.cli.schedule import schedule
from infra.cli.scrub import scrub
from infra.cli.sql import sql
from infra.cli.status import status
from infra.cli.tail import tail
from infra.cli.testing import run_tests
from infra.cli.topics import topics
from infra.cli.up import up
from infra.cli.verify import verify
from infra.cli.view import view
from infra.cli.vod import vod
from infra.cli.what_if_chat import what_if_chat
from schemas.errors import SchemaError
from streams.errors import StreamingError

app = typer.Typer(
    name="chronicast",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Live streaming as an event log. Exit codes: 0 fine, 1 not as it should be, 2 wrong usage, 3 not running.",
)
app.add_typer(account, name="account")
app.add_typer(automod, name="automod")
app.add_typer(clip, name="clip")
app.add_typer(dlq, name="dlq")
app.add_typer(library, name="library")
app.add_typer(vod, name="vod")
app.add_typer(recommend, name="recommend")
app.add_typer(features, name="features")
app.add_typer(schedule, name="schedule")
app.add_typer(region, name="region")
PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
app.command()(up)
app.command()(run)
app.command()(doctor)
app.command()(status)
app.command()(topics)
app.command()(tail)
app.command()(sql)
app.command()(replay)
app.command()(verify)
app.command()(rebuild)
app.command()(diff)
app.command()(view)
app.command()(export)
app.command()(lineage)
app.command()(scrub)
app.command()(explain)
app.command("what-if")(what_if)
app.command("what-if-chat")(what_if_chat)
app.command()(egress)
app.command()(erase)
app.command(context_settings=PASSED_ON)(bench)
app.command("test", context_settings=PASSED_ON)(run_tests)


def main() -> None:
    """Runs the command; an error that the user can do something about is told in words."""
    try:
        app(["--help"] if sys.argv[1:] == ["help"] else sys.argv[1:], prog_name="chronicast")
    except CommandError as failure:
        err.print(f"chronicast: {failure}", markup=False, style="red")
        sys.exit(failure.code)
    except (StreamingError, SchemaError) as failure:
        err.print(f"chronicast: {str(failure).rstrip('.')}. See ./chronicast status, ./chronicast doctor", markup=False, style="red")
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
