"""The schema registry's REST interface: Confluent's, as far as Avro without references needs it. A view of the `_schemas` topic."""

import json
from collections.abc import AsyncIterator

from aiohttp import web

from schemas import subject_commands as commands
from schemas.compatibility import Level, violations
from schemas.subject_commands import RefusedError
from schemas.subject_records import Version
from sinks.registry_requests import VIEW, answer, described, errors, flag, schema_of, subject_of
from sinks.registry_settings import SETTINGS
from sinks.registry_view import RegistryView
from streams.log import Log

routes = web.RouteTableDef()


def make_app(log: Log, level: Level = Level.FULL_TRANSITIVE) -> web.Application:
    """The registry over a log that holds the topic `_schemas` (one partition, compacted). `level` counts where /config sets none."""
    app = web.Application(middlewares=[errors])
    view = app[VIEW] = RegistryView(log, level)

    async def running(_app: web.Application) -> AsyncIterator[None]:
        async with view.running():
            yield

    app.cleanup_ctx.append(running)
    app.add_routes(routes)
    for setting in SETTINGS:
        app.add_routes(setting.routes())
    return app


def _places(request: web.Request) -> list[Version]:
    """Where the schema of the id in the path is."""
    asked = request.match_info["id"]
    found = request.app[VIEW].state.of_id(int(asked)) if asked.isdecimal() and len(asked) <= 10 else []
    if not found:
        raise RefusedError(40403, f"Schema {asked} not found")
    return found


def _version_in(request: web.Request) -> Version:
    """The version in the path."""
    deleted = flag(request, "deleted")
    return commands.version_of(request.app[VIEW].state, subject_of(request), request.match_info["version"], deleted=deleted)


@routes.get("/")
async def _root(_request: web.Request) -> web.Response:
    return answer({})


@routes.get("/healthz")
async def _healthz(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


@routes.get("/readyz")
async def _readyz(request: web.Request) -> web.Response:
    ready = request.app[VIEW].ready
    return web.Response(text="ready\n" if ready else "reading the topic\n", status=200 if ready else 503)


@routes.get("/schemas/types")
async def _types(_request: web.Request) -> web.Response:
    return answer(["AVRO"])


@routes.get("/schemas/ids/{id}")
async def _schema_by_id(request: web.Request) -> web.Response:
    return answer({"schema": _places(request)[0].schema})


@routes.get("/schemas/ids/{id}/schema")
async def _bare_schema_by_id(request: web.Request) -> web.Response:
    return answer(json.loads(_places(request)[0].schema))


@routes.get("/schemas/ids/{id}/subjects")
async def _subjects_by_id(request: web.Request) -> web.Response:
    return answer(sorted({place.subject for place in _places(request) if flag(request, "deleted") or not place.deleted}))


@routes.get("/schemas/ids/{id}/versions")
async def _versions_by_id(request: web.Request) -> web.Response:
    shown = [place for place in _places(request) if flag(request, "deleted") or not place.deleted]
    return answer([{"subject": place.subject, "version": place.version} for place in shown])


@routes.get("/subjects")
async def _subjects(request: web.Request) -> web.Response:
    prefix = request.query.get("subjectPrefix", "")
    return answer([name for name in request.app[VIEW].state.names(deleted=flag(request, "deleted")) if name.startswith(prefix)])


@routes.post("/subjects/{subject}")
async def _look_up(request: web.Request) -> web.Response:
    schema = await schema_of(request)
    state = request.app[VIEW].state
    return answer(described(commands.look_up(state, subject_of(request), schema, deleted=flag(request, "deleted"))))


@routes.delete("/subjects/{subject}")
async def _delete_subject(request: web.Request) -> web.Response:
    subject, permanent = subject_of(request), flag(request, "permanent")
    return answer(await request.app[VIEW].carry_out(lambda state: commands.delete_subject(state, subject, permanent=permanent)))


@routes.get("/subjects/{subject}/versions")
async def _versions(request: web.Request) -> web.Response:
    found = commands.all_versions(request.app[VIEW].state, subject_of(request), deleted=flag(request, "deleted"))
    return answer([version.version for version in found])


@routes.post("/subjects/{subject}/versions")
async def _register(request: web.Request) -> web.Response:
    subject, schema = subject_of(request), await schema_of(request)
    placed = await request.app[VIEW].carry_out(lambda state: commands.register(state, subject, schema))
    return answer({"id": placed.id})


@routes.get("/subjects/{subject}/versions/{version}")
async def _version(request: web.Request) -> web.Response:
    return answer(described(_version_in(request)))


@routes.get("/subjects/{subject}/versions/{version}/schema")
async def _schema_by_version(request: web.Request) -> web.Response:
    return answer(json.loads(_version_in(request).schema))


@routes.delete("/subjects/{subject}/versions/{version}")
async def _delete_version(request: web.Request) -> web.Response:
    subject, asked, permanent = subject_of(request), request.match_info["version"], flag(request, "permanent")
    return answer(await request.app[VIEW].carry_out(lambda state: commands.delete_version(state, subject, asked, permanent=permanent)))


@routes.post("/compatibility/subjects/{subject}/versions")
@routes.post("/compatibility/subjects/{subject}/versions/{version}")
async def _compatibility(request: web.Request) -> web.Response:
    """Against one version, or against all that the subject's rule looks at."""
    schema, subject, state = await schema_of(request), subject_of(request), request.app[VIEW].state
    asked = request.match_info.get("version")
    if asked is None or (asked in commands.NEWEST and not state.versions(subject)):
        compared = state.versions(subject)
    else:
        compared = [commands.version_of(state, subject, asked)]
    broken = violations(state.level(subject), schema, [(v.version, json.loads(v.schema)) for v in compared])
    return answer({"is_compatible": not broken, **({"messages": broken} if flag(request, "verbose") else {})})
