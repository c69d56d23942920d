"""Slow mode by itself: set where more waits than the edges should have to hold, taken back once it has been calm for a while.

The backlog is measured by the edges and enters as events, so that a replay slows the room at the same message.
"""

from msgspec.structs import replace

from processors.chat.rooms import room_state, slow_seconds
from processors.chat.state import NODES, ROOM, SECOND_US, SELF, Node, Room, room_of
from schemas.event import Event
from schemas.events import ModeChanged, ReportBacklog
from streams.fold import At, Rows

UPPER = 500
"""Messages that wait, over all edges, above which the room is slowed: what one worker folds in some 25 ms, so far more than a healthy
pipeline of 40 ms holds for one channel."""
LOWER = 50
"""At or below, it is calm. A tenth, so that the burst that comes after the slow mode ends does not reach the upper limit at once."""
CALM_US = 30 * SECOND_US
"""How long it has to be calm: three rounds of the platform's slow mode."""
FRESH_US = 5 * SECOND_US
"""Reports count for so long: edges send one each second while anything waits, and one that died waits for nothing."""


def report(rows: Rows, event: ReportBacklog, at: At) -> list[Event]:
    """Takes an edge's measurement in."""
    nodes = rows[NODES]
    for name in [name for name, node in nodes.items() if abs(at.time - node.time) > FRESH_US]:
        del nodes[name]
    if event.waiting:
        nodes[event.node] = Node(event.waiting, at.time)
    else:
        nodes.pop(event.node, None)
    waiting = sum(node.waiting for node in nodes.values())
    room = room_of(rows)
    if room.auto_slow and waiting > LOWER:
        rows[ROOM][SELF] = replace(room, pressed=max(at.time, room.pressed))
    elif not room.auto_slow and waiting > UPPER:
        return _changed(rows, event.channel_id, room, replace(room, auto_slow=True, pressed=at.time))
    return []


def relieve(rows: Rows, channel_id: str, now: int) -> list[Event]:
    """Takes the platform's slow mode back where it has been calm for long enough. Whatever event tells the time will do."""
    room = room_of(rows)
    if not room.auto_slow or now - room.pressed < CALM_US:
        return []
    return _changed(rows, channel_id, room, replace(room, auto_slow=False, pressed=0))


def _changed(rows: Rows, channel_id: str, before: Room, after: Room) -> list[Event]:
    """A moderator's own slow mode may be as long: then nothing changes but who may end it."""
    rows[ROOM][SELF] = after
    state = room_state(rows, channel_id, after)
    if slow_seconds(before) == slow_seconds(after):
        return [state]
    return [ModeChanged(channel_id=channel_id, slow_seconds=slow_seconds(after)), state]
