"""The contract: what an event is, as Avro files, typed Python and bytes on the wire."""
