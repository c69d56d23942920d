"""What acts on views or shows them, idempotently."""
