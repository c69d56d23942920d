"""What the commands about one view share: its fold, the stores in use, and what it is folded from."""

from typing import Annotated, Any, NamedTuple

import typer
from rich.table import Table

from infra.cli.console import USAGE, CommandError, empty_table, running
from infra.replaying import Connect, Place
from infra.settings import Settings
from infra.views import SHOWN, UnknownViewError, view
from streams.fold import Fold
from streams.outputs import view_name
from streams.replay.partition import Connection
from streams.views.generations import Generations, read_generations
from streams.views.moments import Archive

ViewName = Annotated[str, typer.Argument(metavar="VIEW", help="Name of a view, such as scheduler.")]
FromPlace = Annotated[Place, typer.Option("--source", help="Where its events are read: what has left Kafka is in the lake.")]
CUT = 60
"""Characters of a row that a table shows; --json has all."""


class ViewSite(NamedTuple):
    """A view of the system that runs."""

    settings: Settings
    fold: Fold
    connect: Connect
    connection: Connection
    generations: Generations

    @property
    def stores(self) -> str:
        """Name of the stores in use."""
        return self.generations.active(self.fold).stores(self.fold.name)

    @property
    def archive(self) -> Archive:
        """What its past is read from. Views that are shown are functions of the latest events: they may begin where the log does."""
        source, codec, _, snapshots = self.connection
        name = self.stores if self.generations.runs(self.fold) else view_name(self.fold)
        return Archive(self.fold, source, codec, name, snapshots, self.fold not in SHOWN)


def view_site(name: str, place: Place = Place.KAFKA) -> ViewSite:
    """A view by its name.

    Raises:
        CommandError: there is none, or the system does not run.
    """
    fold = _fold(name)
    now = running()
    connect = Connect.for_fold(now, place, fold)
    connection = connect()
    kafka = connection if place is Place.KAFKA else Connect(now)()
    return ViewSite(now, fold, connect, connection, read_generations(kafka.source, kafka.codec))


def stored(name: str, place: Place = Place.KAFKA) -> ViewSite:
    """A view that has stores on a worker's disk.

    Raises:
        CommandError: the view lives in the memory of the processes that show it.
    """
    if _fold(name) in SHOWN:
        raise CommandError(
            f"{name} is folded in the memory of the processes that show it and has no stores; ./chronicast view {name} folds it here", USAGE
        )
    return view_site(name, place)


def _fold(name: str) -> Fold:
    try:
        return view(name)
    except UnknownViewError as cause:
        raise CommandError(str(cause), USAGE) from cause


def row_table(*extra: str) -> Table:
    """A table of rows: key, table, row, and what is said of each."""
    columns = ("key", "table", "row", *extra)
    return empty_table(*columns, whole=columns)


def short(value: Any) -> str:
    """A row's value in one line."""
    text = "-" if value is None else str(value)
    return text if len(text) <= CUT else f"{text[: CUT - 1]}…"
