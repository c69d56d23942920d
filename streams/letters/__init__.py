"""Dead letters: what could not be processed, what became of it, and how it is put back."""
