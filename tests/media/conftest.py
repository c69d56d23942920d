"""What several media tests look at: a stream takes as long to be pushed as it is."""

import asyncio

import pytest
from studio import Studio

from schemas.events import VodArchived


@pytest.fixture(scope="session")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Studio, VodArchived]:
    studio = Studio(tmp_path_factory.mktemp("clips"))
    return studio, asyncio.run(studio.film())
