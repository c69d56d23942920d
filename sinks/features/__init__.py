"""Stream features in Redis: written from their topic, read in batches by rankers."""
