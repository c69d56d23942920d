"""What a text says, apart from who says it."""
