"""Playlists of a fixed life of a channel, byte for byte.

`GOLDEN=write` in the environment writes them anew: read the difference before committing it.
"""

import itertools
import os
from pathlib import Path

import pytest
from folding import folded
from live_channel import Channel, dummy

from processors.playlist.classic import classic_master, classic_playlist
from processors.playlist.dash import manifest
from processors.playlist.fold import PlaylistFold
from processors.playlist.hls import Shape, media_playlist
from processors.playlist.iframes import iframe_playlist
from processors.playlist.master import master_playlist
from processors.playlist.window import Window

FOLDER = Path(__file__).with_name("playlists")


@pytest.fixture(scope="module")
def window() -> Window:
    """A reconnect, an encoder away for a segment, a forced cut, and a segment that grows."""
    channel = Channel([dummy("source", 1280, 720), dummy("480p30", 852, 480), dummy("audio")], session_id="session-1", first=1000)
    made = [*channel.segments(3)]
    channel.interrupt(4)
    made += [*channel.segments(2), *channel.segment(72, without=("480p30",)), *channel.segments(5), *itertools.islice(channel.segment(), 8)]
    return Window(folded(PlaylistFold(), (one.event for one in made)), "42")


RENDERINGS = {
    "master.m3u8": lambda w: master_playlist(w, parts=True),
    "master-normal.m3u8": lambda w: master_playlist(w, parts=False),
    "source.m3u8": lambda w: media_playlist(w, w.listing("source"), Shape(), over=False),
    "source-skip.m3u8": lambda w: media_playlist(w, w.listing("source"), Shape(skip=True), over=False),
    "source-normal.m3u8": lambda w: media_playlist(w, w.listing("source"), Shape(parts=False), over=False),
    "source-over.m3u8": lambda w: media_playlist(w, w.listing("source"), Shape(), over=True),
    "480p30-gap.m3u8": lambda w: media_playlist(w, w.listing("480p30"), Shape(), over=False),
    "audio.m3u8": lambda w: media_playlist(w, w.listing("audio"), Shape(), over=False),
    "iframes.m3u8": lambda w: iframe_playlist(w.listing("source"), over=False),
    "classic.m3u8": classic_master,
    "classic-source.m3u8": lambda w: classic_playlist(w, w.listing("source"), over=False),
    "manifest.mpd": lambda w: manifest(w, "http://localhost:8080/time", over=False),
    "manifest-over.mpd": lambda w: manifest(w, "http://localhost:8080/time", over=True),
}


@pytest.mark.row("P1", "P2", "P3")
@pytest.mark.parametrize("name", RENDERINGS)
def test_it_is_rendered_as_before(window: Window, name: str) -> None:
    text = RENDERINGS[name](window)
    path = FOLDER / name
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()
