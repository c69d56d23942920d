"""The chat edge: takes in what people ask chats for, and appends it as commands. It decides nothing."""
