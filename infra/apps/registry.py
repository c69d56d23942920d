"""The schema registry: a view of the `_schemas` topic, behind Confluent's REST interface."""

from infra.apps.service import App, run
from sinks.registry_api import make_app


async def registry(app: App) -> None:
    """Serves until stopped."""
    application = make_app(app.parts.log)
    application.router.add_get("/metrics", app.metrics)
    async with app.serving(app.settings.ports.registry, application):
        await app.stopping.wait()


if __name__ == "__main__":
    run("registry", registry)
