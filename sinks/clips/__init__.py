"""Makes clips: obeys what the clips view asks for, and shows what came of it."""
