"""What may be asked of a registry: each command looks at the state and answers with the records that carry it out, or refuses.

Codes and messages are those of Confluent's REST interface, which its clients act upon.
"""

import json

from schemas.avro_schema import Schema, identity, parsed, text
from schemas.compatibility import Level, violations
from schemas.errors import InvalidSchemaError, SchemaError
from schemas.subject_records import StoredRecord, Version, level_set, mode_set, subject_deleted
from schemas.subjects import Mode, Subjects

VERSION_MAX = 2**31 - 1
NEWEST = {"latest", "-1"}


class RefusedError(SchemaError):
    """A request that the registry refuses."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        """Confluent's error code: the HTTP status, or the status and two digits more."""

    @property
    def status(self) -> int:
        """HTTP status."""
        return self.code if self.code < 1000 else self.code // 100


def schema_in(written: str) -> Schema:
    """A schema's text as Python objects, checked."""
    try:
        schema: Schema = json.loads(written)
        parsed(schema)
    except (json.JSONDecodeError, InvalidSchemaError, RecursionError) as cause:
        raise RefusedError(42201, f"Invalid schema: {cause}") from cause
    return schema


def version_of(state: Subjects, subject: str, asked: str, *, deleted: bool = False) -> Version:
    """The version asked for: a number, `latest` or `-1`."""
    versions = all_versions(state, subject, deleted=deleted)
    if asked in NEWEST:
        return versions[-1]
    if not asked.isdecimal() or not 1 <= int(asked) <= VERSION_MAX:
        allowed = 'Allowed values are between [1, 2^31-1] and the string "latest"'
        raise RefusedError(42202, f"The specified version '{asked}' is not a valid version id. {allowed}")
    found = next((v for v in versions if v.version == int(asked)), None)
    if found is None:
        raise RefusedError(40402, f"Version {asked} not found.")
    return found


def all_versions(state: Subjects, subject: str, *, deleted: bool = False) -> list[Version]:
    """A subject's versions, at least one."""
    versions = state.versions(subject, deleted=deleted)
    if not versions:
        raise RefusedError(40401, f"Subject '{subject}' not found.")
    return versions


def look_up(state: Subjects, subject: str, schema: Schema, *, deleted: bool = False) -> Version:
    """The newest version of a subject that holds a schema."""
    wanted = identity(schema)
    for version in reversed(all_versions(state, subject, deleted=deleted)):
        if identity(json.loads(version.schema)) == wanted:
            return version
    raise RefusedError(40403, "Schema not found")


def register(state: Subjects, subject: str, schema: Schema) -> tuple[Version, list[StoredRecord]]:
    """Gives a schema its place in a subject; nothing is written if it has one."""
    wanted = identity(schema)
    versions = state.versions(subject)
    for version in versions:
        if identity(json.loads(version.schema)) == wanted:
            return version, []
    _writable(state, subject)
    broken = violations(state.level(subject), schema, [(v.version, json.loads(v.schema)) for v in versions])
    if broken:
        why = f"compatibility of subject '{subject}' is {state.level(subject)}"
        raise RefusedError(409, f"Schema being registered is incompatible with an earlier schema: {'; '.join(broken)} ({why})")
    number = max((v.version for v in state.versions(subject, deleted=True)), default=0) + 1
    placed = Version(subject, number, state.id_for(text(schema)), text(schema))
    return placed, [placed.stored()]


def delete_subject(state: Subjects, subject: str, *, permanent: bool) -> tuple[list[int], list[StoredRecord]]:
    """Soft-deletes a subject; permanently, after that, erases it. Answers the version numbers."""
    _writable(state, subject)
    everything = all_versions(state, subject, deleted=True)
    live = state.versions(subject)
    if permanent:
        if live:
            raise RefusedError(40405, f"Subject '{subject}' was not deleted first before being permanently deleted")
        return [v.version for v in everything], [v.erased() for v in everything] + _forget(state, subject)
    if not live:
        raise RefusedError(40404, f"Subject '{subject}' was soft deleted. Set permanent=true to delete permanently")
    return [v.version for v in live], [subject_deleted(subject, live[-1].version), *_forget(state, subject)]


def delete_version(state: Subjects, subject: str, asked: str, *, permanent: bool) -> tuple[int, list[StoredRecord]]:
    """Soft-deletes a version; permanently, after that, erases it. Answers its number."""
    _writable(state, subject)
    version = version_of(state, subject, asked, deleted=asked not in NEWEST)
    at = f"Subject '{subject}' Version {version.version}"
    if permanent:
        if not version.deleted:
            raise RefusedError(40407, f"{at} was not deleted first before being permanently deleted")
        return version.version, [version.erased()]
    if version.deleted:
        raise RefusedError(40406, f"{at} was soft deleted. Set permanent=true to delete permanently")
    return version.version, [version._replace(deleted=True).stored()]


def set_level(state: Subjects, subject: str | None, asked: str) -> tuple[Level, list[StoredRecord]]:
    """Sets the rule of a subject, or the global one for None."""
    _writable(state, subject)
    if asked.upper() not in set(Level):
        raise RefusedError(42203, f"Invalid compatibility level. Valid values are {', '.join(Level)}")
    level = Level(asked.upper())
    return level, [level_set(subject, level)]


def clear_level(state: Subjects, subject: str | None) -> tuple[Level, list[StoredRecord]]:
    """Takes a subject's rule away, so that the global one counts; for None the global one. Answers the rule that was."""
    _writable(state, subject)
    if subject is not None and state.own_level(subject) is None:
        raise RefusedError(40408, f"Subject '{subject}' does not have subject-level compatibility configured")
    return state.level(subject), [level_set(subject, None)]


def set_mode(subject: str | None, asked: str) -> tuple[Mode, list[StoredRecord]]:
    """Sets the mode of a subject, or the global one for None."""
    if asked.upper() not in set(Mode):
        raise RefusedError(42204, f"Invalid mode. Valid values are {', '.join(Mode)}")
    mode = Mode(asked.upper())
    return mode, [mode_set(subject, mode)]


def clear_mode(state: Subjects, subject: str | None) -> tuple[Mode, list[StoredRecord]]:
    """Takes a subject's mode away, so that the global one counts. Answers the mode that was."""
    if state.own_mode(subject) is None:
        raise RefusedError(40409, f"Subject '{subject}' does not have subject-level mode configured")
    return state.mode(subject), [mode_set(subject, None)]


def _forget(state: Subjects, subject: str) -> list[StoredRecord]:
    """A deleted subject's settings go with it."""
    level = [level_set(subject, None)] if state.own_level(subject) is not None else []
    return level + ([mode_set(subject, None)] if state.own_mode(subject) is not None else [])


def _writable(state: Subjects, subject: str | None) -> None:
    if state.mode(subject) is Mode.READONLY:
        where = "The registry" if subject is None else f"Subject {subject}"
        raise RefusedError(42205, f"{where} is in read-only mode. Set it to READWRITE by PUT /mode")
