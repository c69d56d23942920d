"""The commands: each is in the reference page, and the launcher finds its way."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from infra.cli.__main__ import app

CHECKOUT = Path(__file__).parents[2]
PAGE = CHECKOUT / "docs" / "reference" / "cli.md"


def commands() -> dict[str, set[str]]:
    """Name -> options of every command."""
    group = typer.main.get_command(app)
    found: dict[str, set[str]] = {}

    def walk(name: str, command: object) -> None:
        if hasattr(command, "commands"):
            for part, inner in command.commands.items():
                walk(f"{name} {part}".strip(), inner)
        else:
            options = (flag for p in command.params for flag in p.opts if flag.startswith("--"))
            found[name] = set(options) - {"--help"}

    walk("", group)
    return found


@pytest.mark.row("U4")
def test_the_reference_page_has_each_command_with_all_its_options() -> None:
    sections = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]
    documented = {}
    for section in sections:
        title = re.match(r"`([a-z -]+?)(?: \[?[A-Z|.]+\]?)*`", section)
        assert title is not None, section[:40]
        documented[title[1]] = set(re.findall(r"^- `(--[a-z-]+)`", section, flags=re.MULTILINE))
    assert documented == commands()


def test_a_command_starts_without_what_only_some_need() -> None:
    heavy = {"scipy", "implicit", "sklearn", "pyarrow", "faust", "fastapi"}
    script = f"import sys, infra.cli.__main__; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_page_that_is_linked_is_there() -> None:
    for page in (CHECKOUT / "docs").rglob("*.md"):
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.relative_to(CHECKOUT)}: {link}"


def test_the_launcher_works_from_elsewhere_and_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "cast").symlink_to(CHECKOUT / "chronicast")
    done = subprocess.run([str(tmp_path / "cast"), "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "account" in done.stdout
