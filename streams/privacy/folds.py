"""Which of a fold's events it gets opened, and by what it compares texts.

A fold sees personal fields as sealed texts: it may compare, keep and pass them on, and neither its rows nor its outputs hold a text.
One that must read them declares which: `opens = (MessagePosted,)`, or by type which fields: `{MessagePosted: ("text",)}`. Its decisions
then depend on keys, and a replay past an erasure reads `[erased]` where it once read a text. So keep such a fold small: have it put
what follows from a text on the log as facts, and let others fold the facts. Where its rows must compare texts they hold fingerprints:
`fingerprints = "unique-chat"` names their purpose, and `keyed` makes the fold that has those of the key (`KeyRing.fingerprints`).
"""

from schemas.privacy_codec import OpeningCodec, SealedCodec
from schemas.wire import Codec
from streams.errors import FatalError
from streams.fold import Fold


def keyed_fold(fold: Fold, codec: Codec) -> Fold:
    """The fold with its fingerprints from the codec's keys, where it declares some. With no sealed codec, as in most tests, it stays.

    Raises:
        KeysUnavailableError: the key of its purpose is not there and could not be made.
    """
    purpose = getattr(fold, "fingerprints", None)
    if purpose is None or not isinstance(codec, SealedCodec) or codec.keys is None:
        return fold
    keyed: Fold = fold.keyed(codec.keys.fingerprints(purpose))  # type: ignore[attr-defined]
    return keyed


def fold_codec(fold: Fold, codec: Codec) -> Codec:
    """The codec of a fold's runner, by what the fold declares. One that does not seal at all, as in most tests, stays.

    Raises:
        FatalError: the fold opens events, and the codec has no keys.
    """
    if not isinstance(codec, SealedCodec):
        return codec
    opens = getattr(fold, "opens", ())
    if not opens:
        return codec if codec.keys is None else SealedCodec(codec.registry)
    if codec.keys is None:
        raise FatalError(f"{fold.name} opens {', '.join(event.SCHEMA for event in opens)}: give its runner a codec that has a key ring")
    return OpeningCodec(codec.registry, codec.keys, opens)
