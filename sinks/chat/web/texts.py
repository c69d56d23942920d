"""What people are told of a refusal."""

TEXTS = {
    "banned": "You are banned from this chat.",
    "timed_out": "You are timed out for another {seconds} s.",
    "rate": "You write too fast: wait {seconds} s.",
    "slow_mode": "This chat is in slow mode: wait {seconds} s.",
    "user_rate": "You write too much over all chats: wait {seconds} s.",
    "subscribers_only": "Only subscribers may write here now.",
    "followers_only": "Only who has followed for long enough may write here now.",
    "emote_only": "Only emotes may be written here now.",
    "duplicate": "This has been said here within the hour: say something new.",
    "blocked_term": "Your message holds a term that this channel blocks.",
    "global_term": "Your message holds a term that is blocked everywhere.",
    "spam": "Your message looks like spam.",
    "empty": "There is nothing to show in your message.",
    "too_long": "Your message is too long: 500 characters at most.",
    "no_permission": "You may not do this here.",
    "already_banned": "This user is banned already.",
    "not_banned": "This user is not banned.",
    "bad_target": "This cannot be done to this user.",
    "already_granted": "This user has the role already.",
    "not_granted": "This user does not have the role.",
    "unknown_message": "This message is gone, or too old.",
    "too_many_terms": "No more terms can be blocked: take one out first.",
    "bad_value": "This value is not allowed.",
}


def text_of(reason: str, wait_ms: int = 0) -> str:
    """A sentence for a reason."""
    return TEXTS.get(reason, "This was refused.").format(seconds=-(-wait_ms // 1_000))
