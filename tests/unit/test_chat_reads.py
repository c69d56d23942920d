"""What distributes a chat holds no producer."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
CHAIN = "sinks.chat is not allowed to import streams.publisher"


def linted(folder: Path) -> str:
    """What the import contract says of the code in a folder."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--contract", "chat-reads", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


@pytest.mark.row("C8")
def test_the_distributing_part_of_a_gateway_reaches_no_producer_and_one_that_did_would_be_found(tmp_path: Path) -> None:
    assert "1 kept, 0 broken" in linted(CHECKOUT)
    (tmp_path / "pyproject.toml").write_text((CHECKOUT / "pyproject.toml").read_text())
    for package in ("schemas", "streams", "processors", "infra"):
        (tmp_path / package).symlink_to(CHECKOUT / package)
    shutil.copytree(CHECKOUT / "sinks", tmp_path / "sinks", ignore=shutil.ignore_patterns("assets", "__pycache__"))
    (tmp_path / "sinks" / "chat" / "sneaky.py").write_text("import streams.publisher\n")
    found = linted(tmp_path)
    assert "0 kept, 1 broken" in found
    assert CHAIN in found
