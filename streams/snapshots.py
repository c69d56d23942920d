"""Snapshots: a partition's store at a position, in the object store, from which another host goes on and from which the past is read.

snapshots/{view}/{partition}/{watermark:020d}.json   the manifest, written last: what it names is there
snapshots/{view}/{partition}/files/{sha256}          the store's files by content: one that did not change is sent once
"""

import asyncio
import hashlib
import shutil
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import structlog

from streams.clock import now_us
from streams.errors import StreamingError
from streams.fold import Clock, Fold
from streams.objects import ObjectMissingError, Objects
from streams.outputs import view_name
from streams.store import Progress

logger = structlog.get_logger()
FOLDER = "snapshots"
"""Of the object store."""
FORMAT = 1
"""Counted up when an older build could no longer read a manifest."""
PARALLEL = 8
"""Files under way at once: hides the round trips of a remote store; a file is at most 64 MiB (RocksDB's target), so 512 MiB."""
RECENT = 3
"""Newest snapshots that are always kept: two may turn out damaged. An owner that lost the partition and still sends its last
snapshot relies on files of the newest one only; they are kept until three more have been taken."""
THINNING = 16
"""A gap between kept snapshots is at most a sixteenth of the records behind it: old moments stay within reach, and their number grows
with the logarithm of the log's length (10 to 20 for each factor of two)."""


class DamagedSnapshotError(StreamingError):
    """A snapshot's manifest or file is missing or is not what it was.

    Operator action: none at once: the next older snapshot is taken, or the log from its start. See what changed the object store.
    """


class SnapshotFile(msgspec.Struct, frozen=True):
    """One file of a store."""

    name: str
    sha256: str
    size: int
    """Bytes."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The manifest."""

    format: int = FORMAT
    view: str
    """The fold's name and version."""
    partition: int
    topic: str
    watermark: int
    """Offset of the last record folded."""
    digest: str
    """Of all rows, 32 hexadecimal digits."""
    taken_at: int
    """UTC microseconds."""
    rows: str
    """SHA-256 of the row types' schema."""
    code_version: str
    files: tuple[SnapshotFile, ...]

    @property
    def progress(self) -> Progress:
        """What the store's own must equal."""
        return Progress(self.watermark, int(self.digest, 16))


Whole = Callable[[Path, Snapshot], bool]
"""Whether a store's rows are those that the snapshot's digest was kept of."""


class Snapshots:
    """The snapshots of some views in an object store."""

    def __init__(self, objects: Objects, folds: Iterable[Fold], code_version: str = "", clock: Clock = now_us) -> None:
        """`folds`: the views that are saved and restored; `code_version` names the build in what is saved."""
        self._objects = objects
        self._views = {view_name(fold): (fold.inputs[0], rows_fingerprint(fold)) for fold in folds}
        self._code_version = code_version
        self._clock = clock
        self._hashes: dict[tuple[str, int], dict[tuple[int, int, int], str]] = {}
        """Of the files of each partition's last checkpoint, by (device, inode, modified): an SST never changes, checkpoints link to it."""

    async def save(self, view: str, partition: int, progress: Progress, checkpoint: Path) -> Snapshot:
        """Sends the files of a checkpoint, apart from those that the newest snapshot has, and then the manifest."""
        topic, rows = self._about(view)
        known = await self._known(view, partition)
        files = await asyncio.to_thread(self._describe, (view, partition), checkpoint)

        async def send(file: SnapshotFile) -> None:
            await self._objects.put(_file(view, partition, file.sha256), await asyncio.to_thread((checkpoint / file.name).read_bytes))

        await _in_parallel(send, (file for file in files if file.sha256 not in known))
        snapshot = Snapshot(
            view=view,
            partition=partition,
            topic=topic,
            watermark=progress.watermark,
            digest=f"{progress.digest:032x}",
            taken_at=self._clock(),
            rows=rows,
            code_version=self._code_version,
            files=files,
        )
        await self._objects.put(_manifest(view, partition, progress.watermark), msgspec.json.encode(snapshot))
        return snapshot

    async def watermarks(self, view: str, partition: int, at_most: int | None = None) -> list[int]:
        """The watermarks of which there is a snapshot, newest first; at most a given offset."""
        addresses = await self._objects.list(_folder(view, partition))
        found = [int(address.rpartition("/")[2].removesuffix(".json")) for address in addresses if address.endswith(".json")]
        return sorted((watermark for watermark in found if at_most is None or watermark <= at_most), reverse=True)

    async def read(self, view: str, partition: int, watermark: int) -> Snapshot:
        """The manifest of a snapshot.

        Raises:
            DamagedSnapshotError: it is missing, cannot be read, or is of other row types than this build's.
        """
        found = await self._manifest(view, partition, watermark)
        if found.rows != self._about(view)[1]:
            raise DamagedSnapshotError(
                f"the snapshot of {view}/{partition} at {watermark} holds other row types than the fold has now, which needs a new version"
            )
        return found

    def _about(self, view: str) -> tuple[str, str]:
        """Input topic and row types of a view. Behind a `+` stands which of several stores of one fold is meant (`generations.py`)."""
        return self._views[view.partition("+")[0]]

    async def newest(self, view: str, partition: int, at_most: int | None = None) -> Snapshot | None:
        """The newest snapshot, at most at a given offset, whose manifest can be read."""
        for watermark in await self.watermarks(view, partition, at_most):
            try:
                return await self.read(view, partition, watermark)
            except DamagedSnapshotError as damage:
                logger.warning("snapshot passed over", view=view, partition=partition, watermark=watermark, cause=str(damage))
        return None

    async def restore(
        self,
        view: str,
        partition: int,
        directory: Path,
        *,
        at_most: int | None = None,
        beyond: int = -1,
        whole: Whole | None = None,
    ) -> Snapshot | None:
        """Makes `directory` the newest snapshot's store, or an older one's where that is damaged; None without.

        Watermarks up to `at_most` and past `beyond` count. Files are checked when they are fetched; `whole` checks the rows too, for
        they may have been damaged before the snapshot was taken. `directory` must not exist. It appears whole or not at all; a sibling
        with `.restoring` behind its name may be left by a kill.
        """
        for watermark in await self.watermarks(view, partition, at_most):
            if watermark <= beyond:
                break
            try:
                snapshot = await self.read(view, partition, watermark)
                await self._fetch(snapshot, directory, whole)
            except DamagedSnapshotError as damage:
                logger.warning("snapshot passed over", view=view, partition=partition, watermark=watermark, cause=str(damage))
            else:
                return snapshot
        return None

    async def kept(self) -> list[tuple[str, int, int]]:
        """Name of the stores, partition and watermark of every snapshot that there is, whichever build, version or rebuild made it."""
        addresses = await self._objects.list(FOLDER)
        parts = [address.removesuffix(".json").split("/") for address in addresses if address.endswith(".json")]
        return [(view, int(partition), int(watermark)) for _, view, partition, watermark in parts]

    async def fetch(self, view: str, partition: int, watermark: int, directory: Path) -> None:
        """Makes `directory`, which must not exist, the store of a snapshot, also of one whose rows this build does not know.

        Raises:
            DamagedSnapshotError: its manifest or a file is missing or is not what it was.
        """
        await self._fetch(await self._manifest(view, partition, watermark), directory, None)

    async def prune(self, view: str, partition: int) -> list[int]:
        """Removes the snapshots that need not be kept and the files that only they name; their watermarks.

        A file that no manifest names stays: it may belong to a snapshot that is just being sent. What a torn sending left is content
        that the next snapshot most likely has too.
        """
        kept, spare = thinned(await self.watermarks(view, partition))
        if not spare:
            return []
        try:
            named = {file.sha256 for watermark in kept for file in (await self._manifest(view, partition, watermark)).files}
        except DamagedSnapshotError as damage:
            logger.warning("snapshots are not pruned", view=view, partition=partition, cause=str(damage))
            return []  # which files it needs is not known
        unnamed = set()
        for watermark in spare:
            with suppress(DamagedSnapshotError):
                unnamed |= {file.sha256 for file in (await self._manifest(view, partition, watermark)).files} - named
        await self._objects.delete([_manifest(view, partition, watermark) for watermark in spare])
        await self._objects.delete([_file(view, partition, sha256) for sha256 in sorted(unnamed)])
        return spare

    async def _fetch(self, snapshot: Snapshot, directory: Path, whole: Whole | None) -> None:
        """Fetches and checks all files beside the directory, then renames."""
        beside = directory.with_name(f"{directory.name}.restoring")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)

        async def fetch(file: SnapshotFile) -> None:
            address = _file(snapshot.view, snapshot.partition, file.sha256)
            try:
                data = await self._objects.get(address)
            except ObjectMissingError as missing:
                raise DamagedSnapshotError(f"{address} ({file.name}) is missing") from missing
            if await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest()) != file.sha256:
                raise DamagedSnapshotError(f"{address} ({file.name}) is not what its name says: {len(data)} of {file.size} bytes")
            await asyncio.to_thread((beside / file.name).write_bytes, data)

        try:
            await _in_parallel(fetch, snapshot.files)
            if whole is not None and not await asyncio.to_thread(whole, beside, snapshot):
                raise DamagedSnapshotError("its rows were damaged before it was taken")
            beside.rename(directory)
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    async def _manifest(self, view: str, partition: int, watermark: int) -> Snapshot:
        """A manifest, whatever build wrote it."""
        address = _manifest(view, partition, watermark)
        try:
            found = msgspec.json.decode(await self._objects.get(address), type=Snapshot)
        except (ObjectMissingError, msgspec.DecodeError) as cause:
            raise DamagedSnapshotError(f"{address} is missing or no manifest: {cause}") from cause
        if (found.format, found.view, found.partition, found.watermark) != (FORMAT, view, partition, watermark):
            raise DamagedSnapshotError(f"{address} is not what its address says, or of another format than {FORMAT}")
        return found

    async def _known(self, view: str, partition: int) -> set[str]:
        """Contents that need not be sent: the newest snapshot's that are there, for no pruning takes them away before others have come."""
        there = {address.rpartition("/")[2] for address in await self._objects.list(_folder(view, partition))}
        newest = await self.newest(view, partition)
        return {file.sha256 for file in newest.files} & there if newest else set()

    def _describe(self, of: tuple[str, int], checkpoint: Path) -> tuple[SnapshotFile, ...]:
        """Name, content and size of a checkpoint's files."""
        before, now, files = self._hashes.get(of, {}), {}, []
        for path in sorted(checkpoint.iterdir()):
            about = path.stat()
            identity = (about.st_dev, about.st_ino, about.st_mtime_ns)
            if identity not in before:
                with path.open("rb") as file:
                    now[identity] = hashlib.file_digest(file, "sha256").hexdigest()
            else:
                now[identity] = before[identity]
            files.append(SnapshotFile(path.name, now[identity], about.st_size))
        self._hashes[of] = now
        return tuple(files)


def thinned(watermarks: Sequence[int]) -> tuple[list[int], list[int]]:
    """Parts snapshots, newest first, into those that are kept and those that may go."""
    kept, spare = list(watermarks[:RECENT]), []
    for at in range(RECENT, len(watermarks)):
        older = watermarks[at + 1] if at + 1 < len(watermarks) else None
        if older is not None and kept[-1] - older <= (watermarks[0] - older) // THINNING:
            spare.append(watermarks[at])
        else:
            kept.append(watermarks[at])
    return kept, spare


def rows_fingerprint(fold: Fold) -> str:
    """SHA-256 over the names and types of a fold's tables; what their docstrings say does not count."""
    tables = {table.name: _meaning(msgspec.json.schema(table.row)) for table in fold.tables}
    return hashlib.sha256(msgspec.json.encode(tables, order="deterministic")).hexdigest()


def _meaning(schema: Any) -> Any:
    """A JSON schema without its texts."""
    if isinstance(schema, list):
        return [_meaning(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: {field: _meaning(each) for field, each in value.items()} if name in ("properties", "$defs") else _meaning(value)
        for name, value in schema.items()
        if name not in ("title", "description")
    }


async def _in_parallel(work: Callable[[SnapshotFile], Awaitable[None]], files: Iterable[SnapshotFile]) -> None:
    """Does it for all files, some at a time; the first failure ends it and is raised."""
    gate = asyncio.Semaphore(PARALLEL)

    async def do(file: SnapshotFile) -> None:
        async with gate:
            await work(file)

    try:
        async with asyncio.TaskGroup() as group:
            for file in files:
                group.create_task(do(file))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures


def _folder(view: str, partition: int) -> str:
    return f"{FOLDER}/{view}/{partition}"


def _manifest(view: str, partition: int, watermark: int) -> str:
    return f"{_folder(view, partition)}/{watermark:020d}.json"


def _file(view: str, partition: int, sha256: str) -> str:
    return f"{_folder(view, partition)}/files/{sha256}"
