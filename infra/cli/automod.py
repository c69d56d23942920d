"""`chronicast automod ...`: trains AutoMod's model, and measures what its thresholds cost and catch."""

import typer

from infra.cli.console import FAILED, CommandError, out
from infra.settings import CHECKOUT
from processors.chat.text.automod import FILE, Model, model

automod = typer.Typer(no_args_is_help=True, help="AutoMod's model: train it on the generated corpus, print its precision/recall curve.")
PAGE = CHECKOUT / "docs" / "reference" / "automod.md"
BEGIN, END = "<!-- curve: written by `./chronicast automod curve` -->\n", "<!-- end of curve -->\n"


@automod.command()
def train() -> None:
    """Train the model anew and replace the packaged file; the same code gives the same bytes."""
    from processors.chat.training.corpus import training  # noqa: PLC0415 - scikit-learn is there for this command alone
    from processors.chat.training.trainer import train as fitted  # noqa: PLC0415

    packed = fitted(training())
    before = FILE.read_bytes() if FILE.exists() else b""
    FILE.write_bytes(packed)
    out.print(f"model {Model(packed).version}, {len(packed):,} bytes: {'as before' if packed == before else f'written to {FILE}'}")


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
