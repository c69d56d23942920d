"""A region's workers and sessions, as rows with the orders in which decisions look at them.

A decision reads and writes the rows of the few workers and sessions that it is about, whatever their number: 100,000 sessions cost it no
more than ten. So every order that it asks for ("the worker with most room") is a table of its own, kept with each write, and what a worker
carries is counted from the sessions' rows as they change.
"""

from collections.abc import Iterable, Iterator, MutableMapping
from functools import lru_cache
from itertools import islice
from typing import Any, Literal, NamedTuple
from zlib import crc32

import msgspec

from processors.transcode.ladder import SOURCES, Rendition, Source, Tier, ladder
from streams.fold import Rows, Table

FULL = 10**12
"""Above any amount of pixels: orders that begin with the most count down from it."""
UNBOUNDED = 10**6
"""Outputs of a worker whose memory is not the limit."""
GROUPS = 64
"""Rows that the heartbeats of a region are in: a dozen or two workers each where there are a thousand."""
UNTOLD = -1.0
"""Below any load: the other regions are told with the next Tick."""
LOOKED_AT = 16
"""Workers of an order that are tried: the first has most pixels, and a later one helps only where memory is what lacks."""


class Amount(NamedTuple):
    """What an encoded output takes and a worker has (T8)."""

    pixels: int
    """Kilopixels a second."""
    outputs: int

    def plus(self, other: "Amount") -> "Amount":
        """Both together."""
        return Amount(self.pixels + other.pixels, self.outputs + other.outputs)

    def minus(self, other: "Amount") -> "Amount":
        """What is left."""
        return Amount(self.pixels - other.pixels, self.outputs - other.outputs)

    @property
    def worth(self) -> int:
        """Pixels of a room; they are worth nothing where the memory holds no output more."""
        return self.pixels if self.outputs > 0 else min(0, self.pixels)

    def within(self, other: "Amount") -> bool:
        """Whether the other has room for it."""
        return self.pixels <= other.pixels and self.outputs <= other.outputs


NOTHING = Amount(0, 0)


class Share(NamedTuple):
    """What is taken of a worker."""

    used: Amount = NOTHING
    """All that encodes, what winds down too."""
    winding: Amount = NOTHING
    """The part that ends by itself within the grace period."""
    yielding: Amount = NOTHING
    """The part that a partner may take: affiliates' outputs."""
    claimed: Amount = NOTHING
    """What partners wait for here, and nobody else may take once it is free."""
    lacking: Amount = NOTHING
    """What its sessions would have beside, were there room."""

    def plus(self, other: "Share") -> "Share":
        """Both together."""
        return Share(*map(Amount.plus, self, other))

    def minus(self, other: "Share") -> "Share":
        """Without the other."""
        return Share(*map(Amount.minus, self, other))


class Worker(msgspec.Struct, frozen=True):
    """A media worker that is alive, under its id."""

    capacity: Amount
    draining: bool = False
    overflow: bool = False
    share: Share = Share()
    sessions: tuple[str, ...] = ()
    """Those that have it, in the order in which they came to it."""

    @property
    def carries(self) -> tuple[Amount, Share, bool, bool]:
        """All that its places in the orders and the region's counts depend on."""
        return self.capacity, self.share, self.draining, self.overflow

    @property
    def room(self) -> Amount:
        """What is free and nobody waits for."""
        return self.capacity.minus(self.share.used).minus(self.share.claimed)

    @property
    def short(self) -> bool:
        """Whether its sessions lack something and there is room, for all or for the partners who wait for it."""
        if self.share.claimed != NOTHING:
            return self.capacity.minus(self.share.used).worth > 0
        return self.share.lacking != NOTHING and self.room.worth > 0

    @property
    def potential(self) -> Amount:
        """What a partner can have here within the grace period, by preemption."""
        return self.room.plus(self.share.winding).plus(self.share.yielding)


class Winding(NamedTuple):
    """An output that was taken away and goes on for its grace period."""

    until: int
    """Microseconds on the region's clock."""
    worker_id: str
    amount: Amount


class Session(msgspec.Struct, frozen=True):
    """A session that asked for its ladder, under its id."""

    channel_id: str
    tier: Literal["partner", "affiliate", "regular"]
    width: int
    height: int
    frame_rate: float
    order: int
    """Offset of its first request: its place in the queue."""
    worker_id: str = ""
    """Empty while it waits for any."""
    renditions: tuple[str, ...] = ()
    attempt: int = 0
    reason: str = "started"
    """Why its next assignment will be made."""
    avoid: str = ""
    """Worker that could not keep it going."""
    claimed: Amount = NOTHING
    """What its worker owes it."""
    windings: tuple[Winding, ...] = ()
    peer: str = ""
    """Region that it was passed on to."""
    passed_on: bool = False
    """Whether another region passed it on to this one."""

    @property
    def rank(self) -> tuple[bool, int]:
        """Its place among those that are served: partners first, then in the order of asking."""
        return self.tier != "partner", self.order

    @property
    def ladder(self) -> tuple[Rendition, ...]:
        """All that it could have, largest first."""
        return _ladder(self.tier, self.width, self.height, self.frame_rate)

    @property
    def load(self) -> Amount:
        """What its renditions take."""
        return _load(self.ladder, self.renditions)

    @property
    def asked(self) -> int:
        """Kilopixels a second of all that it asked for in its own region."""
        return 0 if self.passed_on else _whole(self.ladder).pixels


class Region(msgspec.Struct, frozen=True):
    """The region's own row."""

    name: str = ""
    now: int = 0
    """Latest time that a Tick or a heartbeat brought: what silence is measured by."""
    capacity: int = 0
    """Of the workers that are its own and take new jobs, kilopixels a second."""
    used: int = 0
    throttled: bool = False
    """Whether affiliates get the small part of their ladder."""
    peers: tuple[str, ...] = ()
    """Regions that may take what finds no room here, nearest first."""
    told: float = UNTOLD
    """Load that the peers were told last."""
    asked: int = 0
    """What its sessions asked for, kilopixels a second, whether they have it or not."""
    peak: int = 0
    """The most of that in this quarter of an hour."""
    quarter: int = 0
    """Which one it is, counted since 1970."""

    @property
    def load(self) -> float:
        """Share of the capacity in use, 0 to 1; a region without workers is full."""
        return self.used / self.capacity if self.capacity else 1.0


class Beats(msgspec.Struct, frozen=True):
    """When each of some workers was heard last, microseconds."""

    at: dict[str, int]


class Ref(msgspec.Struct, frozen=True):
    """A row of an order: whose place it is."""

    id: str


class Peer(msgspec.Struct, frozen=True):
    """How full another region is, under its name."""

    load: float


WORKERS = Table("workers", Worker)
SESSIONS = Table("sessions", Session)
REGION = Table("region", Region)
BEATS = Table("beats", Beats)
"""In GROUPS rows, for all workers are looked at each second, and a row costs ten times what it holds of one worker."""
PEERS = Table("peers", Peer)
ROOM = Table("room", Ref)
"""Workers that take jobs, the one with most room first."""
POTENTIAL = Table("potential", Ref)
"""The same by what a partner can have."""
SHORT = Table("short", Ref)
"""Those with room whose sessions lack something: where partners wait first, then the one with most room."""
OVERFLOW = Table("overflow", Ref)
"""Rented workers, the one with most room first."""
RENTED = Table("rented", Ref)
"""Those of them that have jobs, the one with least first: it is the first that can be given back."""
WAITING = Table("waiting", Ref)
"""Sessions without a worker: partners first, then in the order of asking."""
WINDING = Table("winding", Ref)
"""Sessions with an output that winds down, the first to end first."""
TABLES = (WORKERS, SESSIONS, REGION, BEATS, PEERS, ROOM, POTENTIAL, SHORT, OVERFLOW, RENTED, WAITING, WINDING)
_SELF = "self"


def amount(renditions: Iterable[Rendition]) -> Amount:
    """What renditions take together."""
    loads = [round(each.load * 1_000) for each in renditions]
    return Amount(sum(loads), len(loads))


@lru_cache(SOURCES)
def _ladder(tier: Tier, width: int, height: int, frame_rate: float) -> tuple[Rendition, ...]:
    return ladder(tier, Source(width, height, frame_rate))


@lru_cache(SOURCES)
def _load(whole: tuple[Rendition, ...], names: tuple[str, ...]) -> Amount:
    return amount(each for each in whole if each.name in names)


@lru_cache(SOURCES)
def _whole(of: tuple[Rendition, ...]) -> Amount:
    return amount(of)


class Cluster:
    """The rows, for one event; `close` writes the region's own."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.workers = rows[WORKERS]
        self.sessions = rows[SESSIONS]
        self.region = rows[REGION].get(_SELF) or Region()

    def close(self) -> None:
        """Writes what was changed of the region itself."""
        if self.region != self._rows[REGION].get(_SELF):
            self._rows[REGION][_SELF] = self.region

    def note(self, **changes: Any) -> None:
        """Changes the region's own row."""
        self.region = msgspec.structs.replace(self.region, **changes)

    def heard(self, worker_id: str) -> None:
        """A worker lives."""
        beats, group = self._rows[BEATS], _group(worker_id)
        known = beats.get(group)
        if known is None or known.at.get(worker_id) != self.region.now:
            beats[group] = Beats({**(known.at if known else {}), worker_id: self.region.now})

    def unheard(self, worker_id: str) -> None:
        """Nothing is expected of it any more."""
        beats, group = self._rows[BEATS], _group(worker_id)
        if (known := beats.get(group)) and worker_id in known.at:
            left = {each: at for each, at in known.at.items() if each != worker_id}
            if left:
                beats[group] = Beats(left)
            else:
                del beats[group]

    def silent(self, since: int) -> list[str]:
        """Workers that were not heard after a time. The one look at all of them: an order that moves with each heartbeat would leave so
        many removed entries at its beginning that finding it took longer than this.
        """
        late = (beats.at for beats in self._rows[BEATS].values() if min(beats.at.values()) <= since)
        return sorted(worker_id for heard in late for worker_id, at in heard.items() if at <= since)

    def put(self, worker_id: str, worker: Worker | None) -> None:
        """Writes a worker, or takes it away, with its places in the orders."""
        former = self.workers.get(worker_id)
        if former is None or worker is None or former.carries != worker.carries:
            places, gone = _places(worker_id, worker), _places(worker_id, former)
            for table, key in gone - places:
                del self._rows[table][key]
            for table, key in places - gone:
                self._rows[table][key] = Ref(worker_id)
            had, has = _counted(former), _counted(worker)
            if had != has:
                more = has.minus(had)
                self.note(capacity=self.region.capacity + more.capacity, used=self.region.used + more.used)
        if worker is not None:
            self.workers[worker_id] = worker
        elif former is not None:
            del self.workers[worker_id]

    def move(self, session_id: str, after: Session | None) -> None:
        """Writes a session, or takes it away, with its share of workers and its places in the orders."""
        before = self.sessions.get(session_id)
        had, has = _shares(before), _shares(after)
        for worker_id in dict.fromkeys((*had, *has)):
            worker = self.workers.get(worker_id)
            if worker is None:
                continue  # it was lost, with all that was on it
            share, sessions = worker.share, worker.sessions
            mine, theirs = had.get(worker_id), has.get(worker_id)
            if mine != theirs:
                share = share if mine is None else share.minus(mine)
                share = share if theirs is None else share.plus(theirs)
            if after is not None and worker_id == after.worker_id:
                sessions = sessions if session_id in sessions else (*sessions, session_id)
            else:
                sessions = tuple(each for each in sessions if each != session_id)
            self.put(worker_id, msgspec.structs.replace(worker, share=share, sessions=sessions))
        places, gone = _queued(session_id, after), _queued(session_id, before)
        for table, key in gone - places:
            del self._rows[table][key]
        for table, key in places - gone:
            self._rows[table][key] = Ref(session_id)
        if change := (after.asked if after else 0) - (before.asked if before else 0):
            asked = self.region.asked + change
            self.note(asked=asked, peak=max(asked, self.region.peak))
        if after is not None:
            self.sessions[session_id] = after
        elif before is not None:
            del self.sessions[session_id]

    def roomiest(self, need: Amount, table: Table[Ref] = ROOM, avoid: str = "") -> str:
        """The worker with most room, or most potential, that has what is needed; empty where none has. The one to avoid only if alone."""
        shunned = ""
        for ref in islice(self._values(table), LOOKED_AT):
            worker = self.workers[ref.id]
            has = worker.potential if table is POTENTIAL else worker.room
            if need.pixels > has.worth:
                break
            if need.within(has):
                if ref.id != avoid:
                    return ref.id
                shunned = ref.id
        return shunned

    def short(self, most: int) -> list[str]:
        """Workers with room whose sessions lack something, the first to be served first."""
        return [ref.id for ref in islice(self._values(SHORT), most)]

    def rented(self, most: int) -> list[str]:
        """Sessions on rented workers, those first whose worker has least."""
        ids = (session_id for ref in islice(self._values(RENTED), most) for session_id in self.workers[ref.id].sessions)
        return list(islice(ids, most))

    def waiting(self, most: int) -> list[str]:
        """Sessions that wait for a worker, the first to be served first."""
        return [ref.id for ref in islice(self._values(WAITING), most)]

    def wound_down(self, now: int) -> list[str]:
        """Sessions with an output whose grace period is over."""
        return list(dict.fromkeys(key.partition(" ")[2] for key in _until(self._rows[WINDING], now)))

    def peer_load(self, peer: str) -> float:
        """How full another region is; full where it has not said."""
        told = self._rows[PEERS].get(peer)
        return 1.0 if told is None else told.load

    def hear_of(self, peer: str, load: float) -> None:
        """Another region says how full it is. One that was not heard of before is told of this one's load in turn."""
        if peer not in self._rows[PEERS]:
            self.note(told=UNTOLD)
        self._rows[PEERS][peer] = Peer(load)

    def listeners(self) -> list[str]:
        """Regions that this one tells how full it is: its peers, and those that it hears of, for they may pass sessions on to it."""
        return list(dict.fromkeys((*self.region.peers, *self._rows[PEERS])))

    def _values(self, table: Table[Ref]) -> Iterator[Ref]:
        rows = self._rows[table]
        return (rows[key] for key in rows)


def _until(rows: MutableMapping[str, Ref], time: int) -> list[str]:
    """Keys that begin with a time up to the given one."""
    found = []
    for key in rows:
        if int(key[:20]) > time:
            break
        found.append(key)
    return found


class Counted(NamedTuple):
    """What a worker adds to its region's own row, kilopixels a second."""

    capacity: int
    used: int

    def minus(self, other: "Counted") -> "Counted":
        """The difference."""
        return Counted(self.capacity - other.capacity, self.used - other.used)


def _counted(worker: Worker | None) -> Counted:
    counts = worker is not None and not worker.overflow and not worker.draining
    return Counted(worker.capacity.pixels, worker.share.used.pixels) if worker is not None and counts else Counted(0, 0)


Places = set[tuple[Table[Ref], str]]


def _places(worker_id: str, worker: Worker | None) -> Places:
    """Where a worker stands in the orders."""
    if worker is None or worker.draining:
        return set()
    room = _place(worker_id, worker.room)
    if worker.overflow:
        busy = worker.share.used != NOTHING
        return {(OVERFLOW, room), (RENTED, f"{worker.share.used.pixels:014d} {worker_id}")} if busy else {(OVERFLOW, room)}
    places: Places = {(ROOM, room), (POTENTIAL, _place(worker_id, worker.potential))}
    if worker.short:
        places.add((SHORT, f"{1 if worker.share.claimed == NOTHING else 0}{room}"))
    return places


def _place(worker_id: str, has: Amount) -> str:
    return f"{FULL - has.worth:014d} {worker_id}"


def _queued(session_id: str, session: Session | None) -> Places:
    """Where a session stands in them."""
    if session is None:
        return set()
    places: Places = {(WINDING, f"{winding.until:020d} {session_id}") for winding in session.windings}
    if not session.worker_id and not session.peer and session.ladder:
        places.add((WAITING, f"{0 if session.tier == 'partner' else 1}{session.order:020d} {session_id}"))
    return places


def _group(worker_id: str) -> str:
    return f"{crc32(worker_id.encode()) % GROUPS:02d}"


def _shares(session: Session | None) -> dict[str, Share]:
    """What a session takes, by worker."""
    found: dict[str, Share] = {}
    if session is None:
        return found
    if session.worker_id:
        load = session.load
        yielding = load if session.tier == "affiliate" else NOTHING
        found[session.worker_id] = Share(load, NOTHING, yielding, session.claimed, _whole(session.ladder).minus(load))
    for winding in session.windings:
        share = Share(used=winding.amount, winding=winding.amount)
        found[winding.worker_id] = found.get(winding.worker_id, Share()).plus(share)
    return found
