"""`chronicast automod ...`: trains AutoMod's model, and measures what its thresholds cost and catch."""

from pathlib import Path
from typing import Annotated

import typer

from infra.cli.console import FAILED, CommandError, out
from infra.settings import CHECKOUT
from processors.chat.text.automod import FILE, Model, model

automod = typer.Typer(no_args_is_help=True, help="AutoMod's model: train it on the generated corpus, print its precision/recall curve.")
PAGE = CHECKOUT / "docs" / "reference" / "automod.md"
BEGIN, END = "<!-- curve: written by `./chronicast automod curve` -->\n", "<!-- end of curve -->\n"


@automod.command()
def train(
    output: Annotated[Path, typer.Option(help="Where it goes; by default in place of the packaged one.")] = FILE,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the generated corpus; by default the packaged model's.")] = None,
) -> None:
    """Train a model anew; the same code and seed give the same bytes."""
    from processors.chat.training.corpus import EACH, SEED, training  # noqa: PLC0415 - scikit-learn is there for this command alone
    from processors.chat.training.trainer import train as fitted  # noqa: PLC0415

    packed = fitted(training(EACH, SEED if seed is None else seed))
    before = output.read_bytes() if output.exists() else b""
    output.write_bytes(packed)
    out.print(f"model {Model(packed).version}, {len(packed):,} bytes: {'as before' if packed == before else f'written to {output}'}")


@automod.command()
def curve() -> None:
    """Print precision and recall by threshold on held-out templates, and keep the table in docs/reference/automod.md."""
    from processors.chat.training.corpus import held_out  # noqa: PLC0415
    from processors.chat.training.curve import document  # noqa: PLC0415

    tables = document(model(), held_out())
    page = PAGE.read_text(encoding="utf-8")
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise CommandError(f"{PAGE} has no place for the curve: put back the lines {BEGIN!r} and {END!r}", FAILED)
    PAGE.write_text(f"{before}{BEGIN}{tables}{END}{after}", encoding="utf-8")
    out.print(tables, markup=False, highlight=False)
