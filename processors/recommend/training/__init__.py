"""Makes the ranking model: a seeded world that watches streams, labels and weights, the trainer, the evaluation. Not run when serving."""
