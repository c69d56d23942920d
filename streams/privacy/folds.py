"""Which of a fold's events it gets opened.

A fold sees personal fields as sealed texts: it may compare, keep and pass them on, and neither its rows nor its outputs hold a text.
One that must read them declares which: `opens = (MessagePosted,)`. Its decisions then depend on keys, and a replay past an erasure
reads `[erased]` where it once read a text. So keep such a fold small: have it put what follows from a text on the log as facts,
and let others fold the facts. Where its rows must compare texts they hold fingerprints (`KeyRing.fingerprints`).
"""

from schemas.privacy_codec import OpeningCodec, SealedCodec
from schemas.wire import Codec
from streams.errors import FatalError
from streams.fold import Fold


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
