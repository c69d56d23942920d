"""What can go wrong between an event and its bytes."""


class SchemaError(Exception):
    """Base of this package's errors."""


class UnknownSchemaError(SchemaError):
    """The bytes name a schema that this process cannot read: its id is in no registry, or its record has no type here.

    Operator action: point CHRONICAST_REGISTRY at the registry that the producer used, or run a release that knows the event.
    """


class UndecodableError(SchemaError):
    """The bytes are not an event of the schema that they name.

    Operator action: none for the reader; find the producer by the dead letter's headers and have it write the Confluent wire format.
    """


class UnencodableError(SchemaError):
    """An event's values do not fit its schema: a bug in what made it.

    Operator action: fix the producer; the message names the event and what does not fit.
    """


class RegistryUnavailableError(SchemaError):
    """The registry did not answer, or not as one: worth trying again.

    Operator action: see that the registry at the URL is up and ready (`GET /readyz`).
    """


class KeysUnavailableError(RegistryUnavailableError):
    """A subject's key is being made, or whether there is one could not be asked: worth trying again, as with the registry.

    Operator action: none for some milliseconds; then see whether the broker is up.
    """


class InvalidSchemaError(SchemaError):
    """A text is not an Avro schema (Apache Avro 1.12 specification, "Schema Declaration")."""


class IncompatibleSchemaError(SchemaError):
    """A schema cannot take its place in its subject: readers or writers of other versions would break.

    Operator action: give the new field a default, keep the old one, or make a new event type.
    """
