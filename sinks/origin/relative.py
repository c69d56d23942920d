"""Addresses of media in playlists behind a signed playback URL: relative, so that the pass it begins with leads to them too."""

from aiohttp import web

from processors.playlist.text import MEDIA


def signed(request: web.Request) -> bool:
    """Whether the edge took a pass off the request's address; it tells it of nobody else's."""
    return request.headers.get("X-Signed") == "1"


def media_from(request: web.Request) -> str:
    """Where the addresses of media begin in the answer."""
    return "../" * (request.path.count("/") - 1) + MEDIA.removeprefix("/") if signed(request) else MEDIA


def led(text: str, media: str) -> str:
    """A playlist or manifest whose media begin there."""
    return text if media == MEDIA else text.replace(MEDIA, media)
