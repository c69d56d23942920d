"""`chronicast dlq ...`: records that a view could not process: list, look into, mend, and put back."""

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from infra.cli import letter_texts
from infra.cli.console import FAILED, USAGE, AsJson, CommandError, empty_table, out, parts, show_json
from infra.cli.progress import progress
from infra.cli.tail import topic_named
from infra.parts import Parts
from schemas.event import Event
from streams.letters.cases import Case, Cases, gather
from streams.letters.fixing import Reading, UnfixableError, changed, corrected, decoded, readings
from streams.letters.letter import place, position
from streams.letters.putting_back import plan, put_back
from streams.topics import BY_NAME, CATALOGUE, OF_EVENT, dead_letters

dlq = typer.Typer(no_args_is_help=True, help="Dead letters: list, show, fix and replay records that a view could not process.")
WAIT_S = 10.0
"""For the broker's acknowledgement."""
SOURCES = {dead_letters(topic.name): topic.name for topic in CATALOGUE}
Where = Annotated[str, typer.Argument(metavar="PLACE", help="TOPIC/PARTITION/OFFSET of the letter, or of the record that it is of.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Without asking.")]


@dlq.command("list")
def list_letters(
    topic: Annotated[str, typer.Argument(help="Only of this topic, by its own name or its letters'.")] = "",
    replayed: Annotated[bool, typer.Option("--replayed", help="Those that have been replayed, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the records that some view could not process. Exits 1 where any waits."""
    with parts() as running:
        found = _gathered(running, [_source(topic)] if topic else list(BY_NAME))
    rows = [letter_texts.summary(case) for case in found.cases.values() if replayed or case.replayed is None]
    if as_json:
        show_json({"cases": rows, "foreign": [place(at) for at in found.foreign]})
    else:
        _show_list(rows, found)
    if any(row["state"] != "replayed" for row in rows):
        raise SystemExit(FAILED)


@dlq.command()
def show(where: Where, as_json: AsJson = False) -> None:
    """Show one: headers, the event or its bytes, the schema, what came behind it, and what can be done."""
    with parts() as running:
        found, case = _case(running, where)
        told = letter_texts.told(case, found, running.codec, running.registry)
    if as_json:
        show_json(told)
    else:
        out.print(letter_texts.page(told), markup=False)


@dlq.command()
def fix(
    where: Where,
    *,
    sets: Annotated[list[str] | None, typer.Option("--set", help="field=value; may be given several times.")] = None,
    from_json: Annotated[str, typer.Option("--from-json", help="The whole event as JSON, from a file; - is standard input.")] = "",
    kind: Annotated[str, typer.Option("--as", help="The type that the bytes are of, where they decode to none (see `dlq show`).")] = "",
    reencode: Annotated[bool, typer.Option("--reencode", help="The same event, under its type's current schema.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Write a corrected letter; `dlq replay` then puts that one back."""
    if not (sets or from_json or kind or reencode):
        raise CommandError("say what to change: --set field=value, --from-json FILE, --as TYPE or --reencode", USAGE)
    with parts() as running:
        _, case = _case(running, where)
        if case.replayed is not None:
            raise CommandError(f"{place(case.source)} has been replayed, as {place(case.replayed)}: a correction would change nothing")
        before = decoded(case.current, running.codec)
        after = changed(_given(case, from_json, kind, before), sets or ())
        letter = corrected(case.current, after, running.codec)
        if letter.value == case.current.record.value:
            raise CommandError("that changes nothing: the bytes would be the same")
        if not as_json:
            out.print(letter_texts.difference(before, after), markup=False)
        _asked("Write this correction?", yes=yes)
        sent = running.log.append(
            letter.topic, letter.key, letter.value, headers=letter.headers, timestamp=letter.timestamp, partition=letter.partition
        )
        at = place(sent.result(WAIT_S))
    if as_json:
        show_json({"source": place(case.source), "correction": at, "event": msgspec.to_builtins(after)})
    else:
        out.print(f"Written to {at}. Put it back: ./chronicast dlq replay {place(case.source)}")


@dlq.command()
def replay(
    what: Annotated[list[str] | None, typer.Argument(metavar="[TOPIC|PLACE]...", help="Topics or places; none is all that wait.")] = None,
    after_all: Annotated[
        bool, typer.Option("--after-all", help="Also behind later events of the key: you know that their order does not matter.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Put letters back into their source, where that keeps the order of their key. Exits 1 where some had to stay."""
    with parts() as running:
        places = [at for at in what or () if "/" in at]
        topics = [_source(name) for name in what or () if "/" not in name] or ([] if places else list(BY_NAME))
        found = _gathered(running, {*topics, *(_source(at.partition("/")[0]) for at in places)})
        wanted = {where for where, case in found.cases.items() if case.source.topic in topics} | {
            place(_find(found, at).source) for at in places
        }
        planned = plan(found, wanted, running.codec, after_all=after_all)
        refused = [letter_texts.refusal(each) for each in planned.refused]
        if not as_json:
            for each in planned.refused:
                out.print(letter_texts.refusal_text(each), markup=False)
        if planned.cases:
            _asked(f"Put {len(planned.cases)} back into {', '.join(sorted({case.source.topic for case in planned.cases}))}?", yes=yes)
        done = put_back(running.log, planned.cases, found.ends)
    if as_json:
        positions = {where: place(at) for where, at in done.positions.items()}
        show_json({"replayed": positions, "refused": refused, "overtaken": msgspec.to_builtins(done.overtaken)})
    else:
        out.print(f"{len(done.positions)} put back, {sum(len(each.cases) for each in planned.refused)} stay.")
        for where, events in done.overtaken.items():
            out.print(f"[red]{where} was overtaken[/] by {len(events)} of its key while it was put back: {letter_texts.later_text(events)}")
    if refused or done.overtaken:
        raise SystemExit(FAILED)


def _gathered(running: Parts, sources: Any) -> Cases:
    with progress("reading letters and what came behind them") as shown:
        return gather(running.log, sources, shown)


def _source(name: str) -> str:
    """The source topic that a name stands for."""
    named = topic_named(name)
    return SOURCES.get(named, named)


def _case(running: Parts, where: str) -> tuple[Cases, Case]:
    """One case, and all of its topic."""
    at = position(where)
    if at is None:
        raise CommandError(f"{where!r} is no place: TOPIC/PARTITION/OFFSET, as `dlq list` shows them", USAGE)
    found = _gathered(running, [_source(at.topic)])
    return found, _find(found, where)


def _find(found: Cases, where: str) -> Case:
    """The case of a letter's place or a source's."""
    for case in found.cases.values():
        if where == place(case.source) or any(where == place(letter.at) for letter in case.letters):
            return case
    raise CommandError(f"no dead letter is at or of {where}. See ./chronicast dlq list --replayed")


def _given(case: Case, from_json: str, kind: str, before: Event | None) -> Event:
    """The event to start a correction from."""
    if from_json:
        text = sys.stdin.read() if from_json == "-" else Path(from_json).read_text()
        return _from_json(case, text, kind, before)
    if kind:
        fitting = [reading for reading in readings(case.current) if kind in (reading.event.SCHEMA, type(reading.event).__name__)]
        return _only(fitting, kind)
    if before is None:
        raise UnfixableError(f"its bytes are no event: see ./chronicast dlq show {place(case.source)} for what they may be")
    return before


def _from_json(case: Case, text: str, kind: str, before: Event | None) -> Event:
    """The event in a JSON text, as `tail --json` and `dlq show --json` print it, or its fields alone."""
    try:
        given = msgspec.json.decode(text)
        fields = given.get("event", given)
        name = kind or given.get("type") or (before.SCHEMA if before is not None else "")
        found = [event for event in OF_EVENT if name in (event.SCHEMA, event.__name__)]
        if not found:
            raise UnfixableError(f"of which type is it? Say --as TYPE ({', '.join(e.SCHEMA for e in BY_NAME[case.source.topic].events)})")
        return msgspec.convert(fields, found[0])
    except (msgspec.DecodeError, AttributeError) as cause:
        raise UnfixableError(f"the JSON is no event: {cause}") from cause


def _only(fitting: list[Reading], kind: str) -> Event:
    if not fitting:
        raise UnfixableError(f"the bytes cannot be read as {kind}. Give the event as it should be: --from-json FILE")
    return fitting[0].event


def _asked(question: str, *, yes: bool) -> None:
    """Asks, unless told not to."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(f"{question} Nobody is there to answer: --yes", USAGE)
    if not typer.confirm(question, err=True):
        raise CommandError("nothing was written")


def _show_list(rows: list[dict[str, Any]], found: Cases) -> None:
    if not rows:
        out.print("No dead letter waits.")
        return
    table = empty_table("record", "state", "time", "key", "type", "stage", "views", "error", whole=("record", "state"))
    for row in rows:
        cells = (row["source"], row["state"], row["time"][:19], row["key"], row["type"].rpartition(".")[2], row["stage"])
        table.add_row(*cells, ", ".join(row["processors"]), row["error"])
    out.print(table)
    for at in found.foreign:
        out.print(f"{place(at)} does not say what it is a letter of: nothing of ours wrote it", style="yellow")
    out.print("[dim]One of them: ./chronicast dlq show RECORD[/]")
