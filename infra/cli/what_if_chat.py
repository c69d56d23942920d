"""`chronicast what-if-chat`: a past period of chat moderated again, beside what was decided then."""

import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from infra.cli.console import FAILED, USAGE, AsJson, CommandError, empty_table, out, running, show_json
from infra.cli.moments import MOMENTS, milliseconds
from infra.cli.progress import progress
from infra.remoderation import COMMANDS, Plan, remoderate
from infra.replaying import Connect, Place
from processors.chat import CHAT
from processors.chat.policy import LIVE, Policy
from processors.chat.text.automod import LEVELS, Model, ModelError
from processors.chat.whatif import HELD, PASSED, PASSED_WRONGLY, STOPPED_RIGHTLY, Report
from streams.replay.processes import Sum
from streams.replay.ranges import Bound, Moment, ranges

CHANNELS = 20
"""Channels that are printed, those with most changes first; --json has all."""
SAID = {
    "otherwise": "decided otherwise",
    "held_before": "held then",
    "held_after": "held now",
    "blocked_before": "refused then",
    "blocked_after": "refused now",
    STOPPED_RIGHTLY: "removed by moderators, of what passed then and would not now",
    PASSED_WRONGLY: "denied by moderators, of what was held then, answered, and would pass now",
}


def what_if_chat(
    *,
    model: Annotated[
        Path | None, typer.Option(help="Another AutoMod model's file, made by `automod train --output`.", exists=True, dir_okay=False)
    ] = None,
    level: Annotated[int | None, typer.Option(min=0, max=len(LEVELS) - 1, help="AutoMod's level in every channel.")] = None,
    threshold: Annotated[
        list[str] | None, typer.Option(metavar="LEVEL=SCORE", help="Score from which a level holds, such as 2=0.9; several times.")
    ] = None,
    block: Annotated[list[str] | None, typer.Option(help="A term that every channel blocks; several times.")] = None,
    allow: Annotated[list[str] | None, typer.Option(help="A term that is blocked no more; several times.")] = None,
    since: Annotated[str, typer.Option("--from", help=f"Messages from then on: {MOMENTS}.")] = "7d",
    until: Annotated[str, typer.Option("--to", help=f"Messages before then: {MOMENTS}.")] = "end",
    source: Annotated[Place, typer.Option(help="Where the log is read: what has left Kafka is in the lake.")] = Place.BOTH,
    samples: Annotated[int, typer.Option(min=0, help="Texts shown of each kind of change.")] = 5,
    processes: Annotated[int, typer.Option(min=0, help="Processes; 0 takes what helps.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Moderate a past period of chat with another model, other thresholds or other terms, beside what was decided. Nothing is written."""
    policy = Policy(_packed(model), _levels(threshold or []), level, tuple(block or ()), tuple(allow or ()))
    if policy == LIVE:
        raise CommandError("say what is to be judged otherwise: --model, --level, --threshold, --block or --allow", USAGE)
    if since == "end":
        raise CommandError("--from end leaves nothing to moderate", USAGE)
    connect = Connect.for_fold(running(), source, CHAT)
    asked = ranges(connect.source(), COMMANDS, _bound(since, "--from"), _bound(until, "--to"))
    began = time.monotonic()
    with progress("moderating") as shown:
        report = remoderate(Plan(asked, policy, samples), connect, processes=processes or None, told=Sum(asked, shown))
    if not report.messages:
        lacks = f"; of {report.unrecorded:,} messages the decision is not there, of {report.unreadable:,} the text"
        raise CommandError(f"no message can be judged in the period: choose another with --from and --to{lacks}", FAILED)
    if as_json:
        show_json(as_builtins(report) | {"seconds": round(time.monotonic() - began, 3)})
    else:
        _show(report)


def as_builtins(report: Report) -> dict[str, Any]:
    """The report for programs."""
    return {
        "messages": report.messages,
        "unreadable": report.unreadable,
        "unrecorded": report.unrecorded,
        "as_recorded": report.as_recorded,
        "before": dict(report.before.most_common()),
        "after": dict(report.after.most_common()),
        "changes": [{"before": before, "after": after, "messages": count} for (before, after), count in report.changes.most_common()],
        "shares": {name: msgspec.to_builtins(share.estimate()) for name, share in report.shares.items()},
        "channels": {name: msgspec.to_builtins(report.channels[name].estimate()) for name in _channels(report)},
        "samples": [msgspec.to_builtins(sample) for kept in report.samples.values() for sample in kept],
    }


def _packed(file: Path | None) -> bytes:
    if file is None:
        return b""
    packed = file.read_bytes()
    try:
        Model(packed)
    except ModelError as cause:
        raise CommandError(
            f"{file} is no model of AutoMod: make one with ./chronicast automod train --output FILE ({cause})", USAGE
        ) from cause
    return packed


def _levels(given: list[str]) -> tuple[float, ...]:
    """The scores by level, with those that are given."""
    levels = list(LEVELS)
    for text in given:
        level, _, score = text.partition("=")
        try:
            number, value = int(level), float(score)
        except ValueError:
            number, value = 0, 0.0
        if not 1 <= number < len(LEVELS) or not 0 < value <= 1:
            raise CommandError(f"--threshold {text!r} is not LEVEL=SCORE, a level from 1 to {len(LEVELS) - 1} and a score up to 1", USAGE)
        levels[number] = value
    return tuple(levels)


def _bound(text: str, option: str) -> Bound:
    return None if text in ("start", "end") else Moment(milliseconds(text, option))


def _channels(report: Report) -> list[str]:
    """Those with most changes first."""
    return sorted(report.channels, key=lambda name: (-report.channels[name].meant, name))


def _show(report: Report) -> None:
    """The report for people."""
    left = [
        f"{count:,} {why}" for count, why in ((report.unreadable, "erased"), (report.unrecorded, "without a recorded decision")) if count
    ]
    out.print(f"{report.messages:,} messages" + (f"; left out: {', '.join(left)}" if left else ""))
    same = report.as_recorded / report.messages
    out.print(
        f"the live rules, folded again, decide {same:.2%} of them as was recorded"
        + ("" if same == 1 else ": the rest is not due to what was changed")
    )
    for name, said in SAID.items():
        out.print(f"  {said}: {report.shares[name].estimate()}")
    kinds = empty_table("decision", "then", "now")
    rules = {*report.before, *report.after} - {PASSED, HELD}
    for rule in (PASSED, HELD, *sorted(rules)):
        kinds.add_row(rule, f"{report.before[rule]:,}", f"{report.after[rule]:,}")
    out.print(kinds)
    for (before, after), count in report.changes.most_common():
        out.print(f"{before} -> {after}: {count:,}", markup=False)
        for sample in report.samples[before, after]:
            out.print(f"    {sample.channel_id} {sample.user_id}: {sample.text}", markup=False)
    changed = [name for name in _channels(report) if report.channels[name].meant]
    for name in changed[:CHANNELS]:
        out.print(f"channel {name}: decided otherwise {report.channels[name].estimate()}", markup=False)
    if len(changed) > CHANNELS:
        out.print(f"and {len(changed) - CHANNELS:,} channels more: --json has them all")
    out.print("95% intervals, by author and channel")
