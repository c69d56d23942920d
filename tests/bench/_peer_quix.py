"""The reference work in Quix Streams, in an environment of its own. `python -m tests.bench._peer_quix BOOTSTRAP DIRECTORY`."""

import sys
from typing import Any

from quixstreams import Application

from tests.bench._peer_event import INPUT, OUTPUT, followed, output


def work(bootstrap: str, directory: str) -> None:
    app = Application(
        broker_address=bootstrap, consumer_group="peer-quix", state_dir=directory, auto_offset_reset="earliest", loglevel="WARNING"
    )
    source = app.topic(INPUT, value_deserializer="bytes", key_deserializer="bytes")
    sink = app.topic(OUTPUT, value_serializer="bytes", key_serializer="bytes")

    def count(value: bytes, state: Any) -> Any:
        event = followed(value)
        total = state.get("count", 0) + 1
        state.set("count", total)
        return output(event, total)

    frame = app.dataframe(source).apply(count, stateful=True)
    frame = frame.set_headers(lambda made, *_: list(made[1])).apply(lambda made: made[0])
    frame.to_topic(sink)
    app.run()


if __name__ == "__main__":
    work(sys.argv[1], sys.argv[2])
