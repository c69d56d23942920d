"""Upcasters: what turns a former version's values into the next version's where Avro's schema resolution alone would lose meaning.

Most changes need none: a new field with a default is filled in by resolution. Write one where the new field's value follows from
the old ones. In `schemas/upcast/<context>.py` write a function that is *pure* (no clock, environment or I/O) and *total* (an answer
for every datum that the old schema allows), and name it here under the full record name and the version that it takes:

    def message_posted_v1(old: Datum) -> Datum:
        return {**old, "length": len(old["text"])}

    UPCASTS = {("chronicast.chat.MessagePosted", 1): message_posted_v1}

It gets a datum of version n, as fastavro gives it (dict, list, str, int, ...), and answers one of version n + 1. Versions without an
upcaster on the way are resolved by Avro's rules. The golden bytes of version n in `schemas/golden/` prove that it still decodes.
"""

from collections.abc import Callable, Mapping
from typing import Any

Datum = dict[str, Any]
Upcast = Callable[[Datum], Datum]
Upcasts = Mapping[tuple[str, int], Upcast]

UPCASTS: Upcasts = {}
"""(full record name, version taken) -> upcaster."""
