"""Personal texts: keys per subject, their master key, and erasure with its proof."""
