"""The lake: every topic as Parquet files in the object store, exactly once. docs/reference/lake.md says what lies where."""
