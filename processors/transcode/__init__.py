"""Which sessions are transcoded, into what, and by whom."""
