"""Chat: what is said, by whom it may be said, and what moderators decide. Not the gateways: they show what this decides."""

from processors.chat.fold import ChatFold
from processors.chat.pace import PaceFold
from processors.chat.society import SocietyFold

CHAT = ChatFold()
PACE = PaceFold()
SOCIETY = SocietyFold()
