"""What is on and who belongs to whom: listings of channels, categories, and the audience of each channel."""

from processors.directory.audience import AudienceFold

AUDIENCE = AudienceFold()
