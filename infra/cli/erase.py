"""`chronicast erase SUBJECT`: makes a person's texts unreadable, and proves it."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from infra.cli.console import FAILED, AsJson, empty_table, err, out, parts, settings, show_json
from infra.cli.progress import progress
from streams.privacy.compaction import KafkaCompactor
from streams.privacy.erasure import Erasure, Proof
from streams.privacy.master import MasterKeys


def erase(
    subject: Annotated[str, typer.Argument(help="Id of the user or channel.")],
    reason: Annotated[str, typer.Option(help="Why; kept for ever, so nothing personal.")] = "asked by the person",
    plaintext_from: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="File of further texts, one a line, that must not turn up anywhere.")
    ] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait until the shredded keys have left the broker's disk.")] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Shred a subject's keys, so that its texts are unreadable everywhere, and prove it. Exits 1 where anything can still be read."""
    from infra.erasure_places import archives, places  # noqa: PLC0415 - Arrow takes half a second to import

    texts = plaintext_from.read_text().splitlines() if plaintext_from else []
    with parts() as found:
        now = settings()
        erasure = Erasure(
            found.log,
            found.codec,
            MasterKeys.at(now.master_key_file),
            KafkaCompactor(now.bootstrap),
            archives=archives(now),
            places=places(now, found.objects),
            say=lambda step: err.print(step, markup=False, style="dim"),
            progressing=progress,
        )
        proof = erasure.erase(subject, reason, texts, wait)
    if as_json:
        written = {"holds": proof.holds, "unreadable": proof.unreadable, "readable": proof.readable}
        show_json({**written, **msgspec.to_builtins(proof)})
    else:
        _show(proof)
    if not proof.holds:
        raise SystemExit(FAILED)


def _show(proof: Proof) -> None:
    """The proof as people read it."""
    topics = empty_table("where", "records", "fields unreadable", "readable", "texts elsewhere")
    for found in proof.topics:
        topics.add_row(found.source, str(found.records), str(found.unreadable), str(found.readable), " ".join(found.leaks[:5]) or "none")
    for place, where in proof.places.items():
        topics.add_row(place, "", "", "", " ".join(where[:5]) or "none")
    out.print(topics)
    same = "the same bytes" if proof.sha256_before == proof.sha256_after else "[red]other bytes[/]"
    out.print(f"records       {proof.records_before} before, {proof.records_after} after, {same} (sha256 {proof.sha256_after[:16]}...)")
    for found in proof.topics:
        for at, sha256 in found.samples.items():
            out.print(f"              [dim]{found.source}/{at} sha256 {sha256}[/]")
    out.print(f"keys          {len(proof.keys)} shredded; dropped by {', '.join(proof.rings) or 'no process, for none held one'}")
    out.print(f"searched for  {proof.searched} texts")
    if not proof.compacted:
        why = f": {proof.compaction_refused}" if proof.compaction_refused else ""
        out.print(
            f"[red]not done[/]      the wrapped keys are still on the broker's disk{why}. The broker removes them within a day of the "
            f"next key; call ./chronicast erase {proof.subject} again to hurry it and to prove it"
        )
    if proof.holds and not proof.keys and not proof.records_before:
        out.print(
            f"[yellow]nothing known[/] of {proof.subject}: no key, no record. Is it the id? ./chronicast account list has those of logins"
        )
    elif proof.holds:
        out.print(f"[green]erased[/]        {proof.subject}")
    else:
        out.print(f"[red]NOT erased[/]    {proof.subject}: {_lacks(proof)}")


def _lacks(proof: Proof) -> str:
    """Why a proof does not hold."""
    reasons = {
        f"{proof.readable} texts can still be read": proof.readable,
        "records have changed meanwhile": proof.sha256_before != proof.sha256_after,
        "keys are still on the disk": not proof.compacted,
    }
    return ", ".join(reason for reason, true in reasons.items() if true)
