"""The worker of the folds that decide about media: demand and scheduler. It writes the system's ticks."""

import asyncio

from infra.apps.deciding import decide
from infra.apps.service import App, run
from infra.views import DECIDING


async def folds(app: App) -> None:
    """Folds until stopped."""
    publisher = await asyncio.to_thread(app.parts.publisher, f"ticker-{app.settings.node}")
    await decide(app, DECIDING, app.parts.codec, publisher, app.settings.ports.folds, ticks=True)


if __name__ == "__main__":
    run("folds", folds)
