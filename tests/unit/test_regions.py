"""A region's peers: how they are set, and told to its scheduler."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from infra.cli.console import USAGE, CommandError
from infra.cli.region import region
from processors.transcode import REGIONS
from schemas.event import Event
from schemas.events import RegionConfigured, RegionPeers, Tick
from streams.fold import At
from tests.folding import memory_rows

WORDS = st.lists(st.one_of(st.just(Tick()), st.builds(lambda peers: RegionPeers(region="iad", peers=tuple(peers)), st.lists(st.text()))))


def told(words: list[Event]) -> list[RegionConfigured]:
    """What the scheduler hears."""
    rows = memory_rows()
    return [event for n, word in enumerate(words) for event in REGIONS.apply(rows, word, At("media.region.state.v1", 0, n, n))]


@pytest.mark.row("T18")
def test_peers_are_told_when_they_are_set_and_again_with_each_tick() -> None:
    set_ = RegionPeers(region="iad", peers=("fra", "sin"))
    assert told([Tick(), set_, Tick(), Tick()]) == [RegionConfigured(region="iad", peers=("fra", "sin"))] * 3


@pytest.mark.row("T18")
@given(WORDS)
def test_the_last_word_is_told_and_what_compaction_leaves_of_them_says_the_same(words: list[Event]) -> None:
    last = [word for word in words if isinstance(word, RegionPeers)][-1:]
    compacted = [*last, Tick()]
    expected = [RegionConfigured(region="iad", peers=word.peers) for word in last]
    assert told([*words, Tick()])[-1:] == told(compacted)[-1:] == expected


@pytest.mark.row("T18", "U4")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("i ad", "--peers", "fra"), "'i ad' is no region"),
        (("iad", "--peers", "fra,,sin"), "'' is no region"),
        (("iad", "--peers", "fra,iad"), "its own peer"),
        (("iad", "--peers", "fra,sin, fra"), "named twice"),
    ],
)
def test_what_cannot_be_set_is_told_with_cause(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said) as refused:
        CliRunner().invoke(region, ["set", *words], catch_exceptions=False)
    assert refused.value.code == USAGE
