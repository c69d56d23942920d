"""The worker of the chat's folds: they read what people write, so it has their keys."""

import asyncio

from infra.apps.deciding import decide
from infra.apps.service import App, run
from infra.views import CHATTING
from schemas.privacy_codec import SealedCodec


async def moderation(app: App) -> None:
    """Folds until stopped."""
    name = f"moderation-{app.settings.node}"
    keys = await asyncio.to_thread(app.parts.keys, name)
    publisher = await asyncio.to_thread(app.parts.publisher, name, keys)
    codec = SealedCodec(app.parts.registry, keys)  # each fold is given what it opens
    await decide(app, CHATTING, codec, publisher, app.settings.ports.moderation, ticks=False)


if __name__ == "__main__":
    run("moderation", moderation)
