"""Tables of the library in PostgreSQL, for whoever asks in SQL: a projection of the log that can be dropped and made anew."""
