"""Rows over a store, against a dictionary: whatever is written, taken back, committed and read in order, in part or whole."""

from itertools import islice

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from streams.fold import Table
from streams.rows import FIRST_READ, Batch
from streams.store import Progress, digest_of
from streams.store_memory import MemoryStores


class Row(msgspec.Struct, frozen=True):
    n: int


TABLE, BESIDE = Table("t", Row), Table("tt", Row)
DECODERS = {table.name: msgspec.msgpack.Decoder(table.row) for table in (TABLE, BESIDE)}
KEY = st.one_of(st.integers(0, 60).map(lambda n: f"{n:02d}"), st.sampled_from(["", "é", "𐍈", "z"]))


class AnyRows(RuleBasedStateMachine):
    """One table under one key; another table and another key lie beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStores().open("view.v1", 0)
        self.model: dict[str, int] = {}
        self.kept: dict[str, int] = {}
        self.offset = 0
        self.begin()

    @initialize(many=st.integers(0, 5 * FIRST_READ))
    def some_are_there(self, many: int) -> None:
        for n in range(many):
            self.write(f"{n:02d}", n)
        self.rows_of(b"kk", TABLE)["00"] = self.rows_of(b"k", BESIDE)["00"] = Row(-1)
        self.keep()
        self.commit()

    def begin(self) -> None:
        self.batch = Batch(self.store, DECODERS)

    def rows_of(self, key: bytes, table: Table[Row]):
        return self.batch.rows(key)[table]

    @property
    def rows(self):
        return self.rows_of(b"k", TABLE)

    @rule(key=KEY, n=st.integers(0, 3))
    def write(self, key: str, n: int) -> None:
        self.rows[key] = Row(n)
        self.model[key] = n

    @rule(key=KEY)
    def remove(self, key: str) -> None:
        if key in self.model:
            del self.rows[key]
            del self.model[key]
        else:
            with pytest.raises(KeyError):
                del self.rows[key]

    @rule(key=KEY)
    def read(self, key: str) -> None:
        found = self.rows.get(key)
        assert (None if found is None else found.n) == self.model.get(key)

    @rule(first=st.integers(0, 3 * FIRST_READ))
    def read_the_first(self, first: int) -> None:
        assert list(islice(self.rows, first)) == sorted(self.model)[:first]

    @rule()
    def remove_what_is_met(self) -> None:
        for key in islice(self.rows, 5):
            self.remove(key)

    @rule()
    def keep(self) -> None:
        self.batch.keep()
        self.kept = dict(self.model)

    @rule()
    def drop(self) -> None:
        self.batch.drop()
        self.model = dict(self.kept)

    @rule()
    def commit(self) -> None:
        self.keep()
        changes, digest = self.batch.changes(self.store.progress().digest)
        self.offset += 1
        self.store.commit(changes, Progress(self.offset, digest))
        assert digest == digest_of(self.store)

    @rule()
    def read_anew(self) -> None:
        self.commit()
        self.begin()

    @invariant()
    def the_length_is_right_now_and_then(self) -> None:
        if self.offset % 4 == 3:
            assert {key: row.n for key, row in self.rows.items()} == self.model


TestAnyRows = AnyRows.TestCase
TestAnyRows.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
