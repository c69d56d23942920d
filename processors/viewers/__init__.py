"""How many watch each channel, folded from what its viewers' sessions told."""

from processors.viewers.fold import ViewersFold

VIEWERS = ViewersFold()
