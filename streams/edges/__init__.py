"""What turns the outside into events."""
