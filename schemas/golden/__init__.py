"""Golden bytes of every released version of every event, and the check that what was written once can always be read.

Beside each `<context>/<event>.v<n>.bin` lies the schema as it was released. The bytes are in Avro's single-object encoding, so they
name their schema's fingerprint themselves. `python -m schemas.golden` writes what is missing; `--check` writes nothing and exits 1
with what is wrong. Neither ever changes a golden that is there.
"""
