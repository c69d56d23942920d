"""What a registry knows, as a fold of the `_schemas` topic."""

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from schemas.avro_schema import identity
from schemas.compatibility import Level
from schemas.subject_records import Version

Fields = dict[str, Any]


class Mode(StrEnum):
    """Whether a subject takes changes."""

    READWRITE = "READWRITE"
    READONLY = "READONLY"


class Subjects:
    """Subjects, their versions, levels and modes. Changed by `apply` only."""

    def __init__(self, level: Level = Level.FULL_TRANSITIVE) -> None:
        self._default_level = level
        self._subjects: dict[str, dict[int, Version]] = {}
        self._levels: dict[str | None, Level] = {}
        self._modes: dict[str | None, Mode] = {}
        self._ids: dict[int, set[tuple[str, int]]] = {}
        self._id_of: dict[str, int] = {}
        """Identity of a schema -> its id."""
        self._last_id = 0
        self._on: dict[str, Callable[[Fields, Fields | None], None]] = {
            "SCHEMA": self._on_schema,
            "DELETE_SUBJECT": self._on_delete_subject,
            "CLEAR_SUBJECT": self._on_clear_subject,
            "CONFIG": self._on_config,
            "MODE": self._on_mode,
        }

    def apply(self, key: bytes, value: bytes | None) -> None:
        """Folds one record in. Kinds that we do not know (NOOP, CONTEXT) change nothing.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: it is no record of a registry; nothing is changed then.
        """
        about = json.loads(key)
        handler = self._on.get(about["keytype"])
        if handler is not None:
            handler(about, None if value is None else json.loads(value))

    def names(self, *, deleted: bool = False) -> list[str]:
        """Subjects with a version, sorted; with those whose versions are all soft-deleted where asked."""
        return sorted(name for name in self._subjects if self.versions(name, deleted=deleted))

    def versions(self, subject: str, *, deleted: bool = False) -> list[Version]:
        """A subject's versions, ascending."""
        held = self._subjects.get(subject, {})
        return [held[number] for number in sorted(held) if deleted or not held[number].deleted]

    def of_id(self, number: int) -> list[Version]:
        """Places of a schema, by subject and version; none for an unknown id. Soft-deleted ones count: bytes name them still."""
        return [self._subjects[subject][version] for subject, version in sorted(self._ids.get(number, ()))]

    def id_for(self, schema: str) -> int:
        """The id of an equal schema in any subject, or the next free one."""
        return self._id_of.get(identity(json.loads(schema)), self._last_id + 1)

    def level(self, subject: str | None) -> Level:
        """The rule in force."""
        return self._levels.get(subject) or self._levels.get(None, self._default_level)

    def own_level(self, subject: str | None) -> Level | None:
        """The rule set for exactly this subject."""
        return self._levels.get(subject)

    def mode(self, subject: str | None) -> Mode:
        """The mode in force."""
        return self._modes.get(subject) or self._modes.get(None, Mode.READWRITE)

    def own_mode(self, subject: str | None) -> Mode | None:
        """The mode set for exactly this subject."""
        return self._modes.get(subject)

    def _on_schema(self, key: Fields, value: Fields | None) -> None:
        subject, version = str(key["subject"]), int(key["version"])
        if value is not None:
            self._put(Version(subject, version, int(value["id"]), str(value["schema"]), bool(value.get("deleted", False))))
        elif subject in self._subjects and version in self._subjects[subject]:
            self._erase(self._subjects[subject][version])

    def _put(self, placed: Version) -> None:
        held = self._subjects.setdefault(placed.subject, {})
        if placed.version in held:
            self._erase(held[placed.version])
        self._subjects.setdefault(placed.subject, {})[placed.version] = placed
        self._ids.setdefault(placed.id, set()).add((placed.subject, placed.version))
        self._id_of[identity(json.loads(placed.schema))] = placed.id
        self._last_id = max(self._last_id, placed.id)

    def _erase(self, placed: Version) -> None:
        del self._subjects[placed.subject][placed.version]
        if not self._subjects[placed.subject]:
            del self._subjects[placed.subject]
        self._ids[placed.id].discard((placed.subject, placed.version))
        if not self._ids[placed.id]:
            del self._ids[placed.id]
            del self._id_of[identity(json.loads(placed.schema))]

    def _on_delete_subject(self, key: Fields, value: Fields | None) -> None:
        if value is not None:
            for placed in self.versions(str(key["subject"])):
                if placed.version <= int(value["version"]):
                    self._put(placed._replace(deleted=True))

    def _on_clear_subject(self, key: Fields, value: Fields | None) -> None:
        if value is not None:
            self._levels.pop(str(key["subject"]), None)
            self._modes.pop(str(key["subject"]), None)

    def _on_config(self, key: Fields, value: Fields | None) -> None:
        if value is None:
            self._levels.pop(key["subject"], None)
        else:
            self._levels[key["subject"]] = Level(value["compatibilityLevel"])

    def _on_mode(self, key: Fields, value: Fields | None) -> None:
        if value is None:
            self._modes.pop(key["subject"], None)
        else:
            self._modes[key["subject"]] = Mode(value["mode"])
