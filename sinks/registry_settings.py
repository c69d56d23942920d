"""What can be set for all subjects or for one: the compatibility rule under /config, and the mode."""

from collections.abc import Callable
from typing import NamedTuple

from aiohttp import web

from schemas import subject_commands as commands
from schemas.subject_commands import RefusedError
from schemas.subject_records import StoredRecord
from schemas.subjects import Subjects
from sinks.registry_requests import VIEW, answer, body_of, flag

Outcome = tuple[str, list[StoredRecord]]


class Setting(NamedTuple):
    """One of them, with its words in paths, bodies and refusals."""

    path: str
    word: str
    """In a body that sets it, and in the answer to that."""
    shown: str
    """In answers that show it."""
    name: str
    unset: int
    """Error code for a subject that has none of its own."""
    own: Callable[[Subjects, str | None], str | None]
    in_force: Callable[[Subjects, str | None], str]
    set: Callable[[Subjects, str | None, str], Outcome]
    clear: Callable[[Subjects, str | None], Outcome]
    cleared_for_all: bool
    """Whether there is a DELETE for all subjects too."""

    async def get(self, request: web.Request) -> web.Response:
        """That of a subject; the one in force where there is none of its own and `defaultToGlobal` is set."""
        subject, state = request.match_info.get("subject"), request.app[VIEW].state
        if subject is not None and self.own(state, subject) is None and not flag(request, "defaultToGlobal"):
            raise RefusedError(self.unset, f"Subject '{subject}' does not have subject-level {self.name} configured")
        return answer({self.shown: self.in_force(state, subject)})

    async def put(self, request: web.Request) -> web.Response:
        """Sets it."""
        subject, asked = request.match_info.get("subject"), str((await body_of(request)).get(self.word))
        return answer({self.word: await request.app[VIEW].carry_out(lambda state: self.set(state, subject, asked))})

    async def delete(self, request: web.Request) -> web.Response:
        """Forgets it; answers with what was set."""
        subject = request.match_info.get("subject")
        return answer({self.shown: await request.app[VIEW].carry_out(lambda state: self.clear(state, subject))})

    def routes(self) -> list[web.RouteDef]:
        """Those of all subjects and those of one."""
        one = f"{self.path}/{{subject}}"
        found = [route for path in (self.path, one) for route in (web.get(path, self.get), web.put(path, self.put))]
        return [*found, *(web.delete(path, self.delete) for path in ((self.path, one) if self.cleared_for_all else (one,)))]


SETTINGS = (
    Setting(
        "/config",
        "compatibility",
        "compatibilityLevel",
        "compatibility",
        40408,
        Subjects.own_level,
        Subjects.level,
        commands.set_level,
        commands.clear_level,
        cleared_for_all=True,
    ),
    Setting(
        "/mode",
        "mode",
        "mode",
        "mode",
        40409,
        Subjects.own_mode,
        Subjects.mode,
        lambda _, subject, asked: commands.set_mode(subject, asked),
        commands.clear_mode,
        cleared_for_all=False,
    ),
)
