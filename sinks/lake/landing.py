"""Landing one partition: the protocol by which a range of offsets is in the lake once, whatever stops a writer.

1. *Plan.* `_plans/{topic}/{partition}/{first}.json` is made, unless there is one: it says where the range ends and which files it has.
   Only one writer can make it. Whoever finds it made, a writer after a crash or a second one by mistake, takes the plan for its own.
2. *Committed before?* Then the plan is a late writer's: it is removed, and the range is passed over.
3. *Files* are made under the plan's names, each whole or not at all. One that is there already is left as it is: the same rows.
4. *Commit.* `_commits/{topic}/{partition}/{first}.json` is made, unless there is one. What it names exists; the next range begins behind.
5. The plan is removed.

A row that can be seen before step 4 stays where it is and is not written a second time: a reader of the files never sees it twice.
"""

from collections.abc import Sequence

import msgspec
import structlog

from sinks.lake.files import described, parquet_file
from sinks.lake.tables import Tables, Tabulator
from streams.errors import FatalError
from streams.lake import layout
from streams.lake.ranges import Commit, DataFile, Plan
from streams.lake.shelf import Shelf
from streams.log import Log, Record
from streams.log_lake import LakeLog

logger = structlog.get_logger()


class OtherLogError(FatalError):
    """The log is not the one that the lake was made of.

    Operator action: give a new log a new lake (CHRONICAST_OBJECTS), or bring the log back.
    """


class PartitionLander:
    """Lands a partition, range after range. For one thread at a time."""

    def __init__(self, topic: str, partition: int, log: Log, shelf: Shelf, tabulator: Tabulator) -> None:
        self.topic = topic
        self.partition = partition
        self._log = log
        self._shelf = shelf
        self._tabulator = tabulator
        self.next = 0
        """First offset that is not in the lake."""
        self.lost = 0
        """Offsets that had gone from the log before they could be landed."""

    def open(self, start: int, end: int) -> int:
        """Finds where the lake is and finishes what was begun; the offset to read on from. The log reaches from `start` to `end`.

        Raises:
            OtherLogError: the lake is beyond the log's end.
        """
        tip = LakeLog(self._shelf).tip(self.topic, self.partition, start)
        self.next = tip.last + 1 if tip else start
        if self.next > end:
            raise OtherLogError(
                f"the lake holds {self.topic}/{self.partition} up to offset {self.next - 1}, the log ends at {end}: it is another log. "
                "Give it a lake of its own (CHRONICAST_OBJECTS), or bring the former log back"
            )
        if self.next < start:
            self.lose(start)
        elif found := self._shelf.find(layout.plan(self.topic, self.partition, self.next)):
            self._finish(msgspec.json.decode(found, type=Plan))
        return self.next

    def land(self, records: Sequence[Record]) -> Commit:
        """Lands a range that begins at `next` and ends with the last record, or the range that another writer planned from there on.

        Raises:
            StoreUnavailableError, RegistryUnavailableError: try again, with the same records.
        """
        tables = self._tabulator.tables(records)
        last = records[-1].offset
        plan = Plan(self.topic, self.partition, self.next, last, tuple(self._addresses(tables, last)), tables.runs())
        address = layout.plan(self.topic, self.partition, self.next)
        if self._shelf.create(address, msgspec.json.encode(plan)):
            return self._carry_out(plan, tables)
        found = self._shelf.find(address)
        # A plan that has gone by now was carried out: the commit is there.
        return self._finish(msgspec.json.decode(found, type=Plan)) if found else self._carry_out(plan, tables)

    def _finish(self, plan: Plan) -> Commit:
        """Carries out a plan that was found, with the log's records."""
        logger.info("a range was planned before", topic=self.topic, partition=self.partition, first=plan.first, last=plan.last)
        records = [record for batch in self._log.read(self.topic, self.partition, plan.first, plan.last + 1) for record in batch]
        undecodable = {offset for first, last in plan.undecodable for offset in range(first, last + 1)}
        tables = self._tabulator.tables(records, undecodable)
        if not set(self._addresses(tables, plan.last)) <= set(plan.files):
            raise OtherLogError(
                f"the records {plan.first} to {plan.last} of {self.topic}/{self.partition} are not those that were planned: the log or the "
                f"registry is another. Bring the former back, or remove {layout.plan(self.topic, self.partition, plan.first)} and its files"
            )
        return self._carry_out(plan, tables)

    def _carry_out(self, plan: Plan, tables: Tables) -> Commit:
        """Steps 2 to 5."""
        address = layout.commit(self.topic, self.partition, plan.first)
        found = self._shelf.find(address)
        if found is None:
            piles = {layout.data(group, self.topic, self.partition, plan.first, plan.last): pile for group, pile in tables.piles.items()}
            # A file without a pile is of records that compaction took since: it is there from the attempt before, or nobody has them.
            files = [self._file(address, parquet_file(piles[address]) if address in piles else None) for address in plan.files]
            commit = Commit(self.topic, self.partition, plan.first, plan.last, tuple(file for file in files if file))
            if not self._shelf.create(address, msgspec.json.encode(commit)):
                found = self._shelf.get(address)
        if found is not None:
            commit = msgspec.json.decode(found, type=Commit)
        self._shelf.delete(layout.plan(self.topic, self.partition, plan.first))
        self.next = commit.last + 1
        return commit

    def _file(self, address: str, data: bytes | None) -> DataFile | None:
        """Makes a file unless it is there; what its commit says of it."""
        if data is None or not self._shelf.create(address, data):
            data = self._shelf.find(address)
        return described(address, data) if data is not None else None

    def _addresses(self, tables: Tables, last: int) -> list[str]:
        return sorted(layout.data(group, self.topic, self.partition, self.next, last) for group in tables.piles)

    def lose(self, start: int) -> None:
        """Goes on at the log's start where that has passed the lake. A plan that nobody can carry out any more is taken back."""
        address = layout.plan(self.topic, self.partition, self.next)
        if found := self._shelf.find(address):
            for file in msgspec.json.decode(found, type=Plan).files:
                self._shelf.delete(file)
            self._shelf.delete(address)
        self.lost += start - self.next
        logger.error("records had gone before they could be landed", topic=self.topic, partition=self.partition, first=self.next, end=start)
        self.next = start
