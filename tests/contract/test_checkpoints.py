"""Where a job goes on from: its newest whole checkpoint, in a folder and in a bucket."""

from pathlib import Path

import obstore
import pytest
from obstore.store import from_url

from infra.features import newest_checkpoint


@pytest.mark.row("F6", "U9")
@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_the_newest_that_is_whole_is_found(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    root = (tmp_path / "checkpoints").as_uri() if kind == "folder" else request.getfixturevalue("s3_bucket") + "/flink"
    folder = f"{root}/features-1"
    assert newest_checkpoint(folder) is None
    store = from_url(folder)
    for address in ("job-b/chk-9/_metadata", "job-a/chk-12/_metadata", "job-a/chk-13/part", "job-a/shared/x", "job-a/taskowned/_metadata"):
        obstore.put(store, address, b"x")
    assert newest_checkpoint(folder) == f"{folder}/job-a/chk-12"
