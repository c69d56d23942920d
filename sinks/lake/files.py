"""Arrow tables as Parquet files, and what a file says of itself."""

from hashlib import sha256

import pyarrow as pa
from pyarrow import parquet

from sinks.lake.tables import Pile
from streams.lake.ranges import DataFile

COMPRESSION = "zstd"
LEVEL = 3
"""zstd's own default."""
PLAIN = "_value"
"""Never the same twice: a dictionary of it would only be thrown away when it is full."""


def parquet_file(pile: Pile) -> bytes:
    """A file whose key-value metadata say which part of the log it holds.

    Encodings are those of Parquet 1.0, plain and dictionary: Flink's reader knows no others.
    """
    table = pile.table()
    offsets = table.column("_offset")
    metadata = {
        "chronicast.topic": table.column("_topic")[0].as_py(),
        "chronicast.partition": table.column("_partition")[0].as_py(),
        "chronicast.first_offset": offsets[0].as_py(),
        "chronicast.last_offset": offsets[-1].as_py(),
        "chronicast.rows": table.num_rows,
        "chronicast.latest_ms": pile.latest,
        "chronicast.content_sha256": pile.content(),
    }
    if pile.shape is not None:
        metadata |= {"chronicast.schema_id": pile.shape.schema_id, "avro.schema": pile.shape.text}
    sink = pa.BufferOutputStream()
    parquet.write_table(
        table.replace_schema_metadata({key: str(value) for key, value in metadata.items()}),
        sink,
        compression=COMPRESSION,
        compression_level=LEVEL,
        use_dictionary=[name for name in table.column_names if name != PLAIN],
    )
    data: bytes = sink.getvalue().to_pybytes()
    return data


def described(address: str, data: bytes) -> DataFile:
    """What a commit says of a file, by what the file says itself."""
    said = parquet.read_metadata(pa.BufferReader(data)).metadata
    rows, first, last, latest = (int(said[b"chronicast." + name]) for name in (b"rows", b"first_offset", b"last_offset", b"latest_ms"))
    return DataFile(address, rows, first, last, latest, len(data), sha256(data).hexdigest())
