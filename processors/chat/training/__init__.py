"""Makes AutoMod's model: a seeded grammar of chat, the trainer, the curve. Not run with the fold; needs scikit-learn."""
