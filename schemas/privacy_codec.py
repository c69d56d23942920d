"""The codec whose bytes hold personal fields as sealed texts only. Events without personal fields pass at no cost."""

from collections.abc import Collection, Iterable, Mapping

from schemas.compiled import Envelope
from schemas.contract import Contract
from schemas.event import Event
from schemas.privacy import Keys, open_event, personal_fields, personal_fields_of, seal_event
from schemas.registry import Registry
from schemas.wire import Codec, Encode


class SealedCodec(Codec):
    """Seals at `encode`; `decode` gives sealed texts as they are. Safe to use from any thread.

    Without keys it is the codec of a process that has no business with texts: sealed ones pass, others are refused. With
    keys it is an edge's: every text is sealed, whatever it looks like.
    """

    def __init__(self, registry: Registry, keys: Keys | None = None, contract: Contract | None = None) -> None:
        super().__init__(registry, contract)
        self.registry = registry
        self.keys = keys
        self._outside = keys is not None
        self._personal = personal_fields() if contract is None else personal_fields_of(contract)

    def encode(self, topic: str, event: Event) -> bytes:
        """The record value of an event, its personal fields sealed.

        Raises:
            KeysUnavailableError: a subject has no key yet; one is being made, try again.
            UnencodableError: a personal field holds a text and there are no keys; or as `Codec.encode`.
            RegistryUnavailableError, IncompatibleSchemaError: as `Codec.encode`.
        """
        fields = self._personal.get(type(event))
        if fields is not None:
            event = seal_event(event, event.event_id, fields, self.keys, outside=self._outside)
        return super().encode(topic, event)

    def encoder(self, topic: str, event: type[Event]) -> Encode:
        """As `Codec.encoder`; what it gives seals the personal fields, under the id of the envelope that it is given."""
        encode = super().encoder(topic, event)
        fields = self._personal.get(event)
        if fields is None:
            return encode

        def sealing(one: Event, envelope: Envelope) -> bytes:
            return encode(seal_event(one, envelope[0], fields, self.keys, outside=self._outside), envelope)

        return sealing


class OpeningCodec(SealedCodec):
    """Opens the personal fields of some events at `decode`: for what shows texts, and for folds that read them.

    `encode` seals again; an opened text that is passed on keeps its sealed form.
    """

    def __init__(
        self,
        registry: Registry,
        keys: Keys,
        opens: Iterable[type[Event]] | Mapping[type[Event], Collection[str]] | None = None,
        contract: Contract | None = None,
    ) -> None:
        """`opens`: the types to open, or by type the fields to open; None is every one that has personal fields."""
        super().__init__(registry, keys, contract)
        self._reading = keys
        self._outside = False
        self._opened = {event: self._personal[event] for event in (self._personal if opens is None else opens)}
        if isinstance(opens, Mapping):
            self._opened = {event: tuple(one for one in fields if one.name in opens[event]) for event, fields in self._opened.items()}

    def decode(self, value: bytes) -> Event:
        """The event in a record value, ERASED where no key opens a text.

        Raises:
            KeysUnavailableError: the keys could not be asked for; try again.
            UnknownSchemaError, UndecodableError, RegistryUnavailableError: as `Codec.decode`.
        """
        event = super().decode(value)
        fields = self._opened.get(type(event))
        return event if fields is None else open_event(event, fields, self._reading)
