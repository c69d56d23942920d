"""Two levels of what is streamed: a channel's `category` field names a game (or an activity), and games belong to categories."""

GAMES: dict[str, tuple[str, ...]] = {
    "Shooter": ("Counter-Strike", "Valorant", "Apex Legends", "Overwatch 2", "Rainbow Six Siege", "Call of Duty"),
    "Strategy": ("League of Legends", "Dota 2", "StarCraft II", "Age of Empires IV", "Teamfight Tactics", "Civilization VI"),
    "Role playing": ("World of Warcraft", "Elden Ring", "Path of Exile", "Baldur's Gate 3", "Final Fantasy XIV", "Diablo IV"),
    "Sandbox": ("Minecraft", "Rust", "Terraria", "Factorio", "Stardew Valley", "Valheim"),
    "Sports": ("EA Sports FC", "Rocket League", "NBA 2K", "iRacing", "F1", "Gran Turismo"),
    "Survival": ("Fortnite", "PUBG", "DayZ", "Escape from Tarkov", "Dead by Daylight", "Phasmophobia"),
    "Arcade": ("Super Mario Maker", "Tetris", "Hollow Knight", "Celeste", "Osu!", "Super Smash Bros."),
    "Table": ("Chess", "Poker", "Hearthstone", "Magic: The Gathering", "Dungeons & Dragons", "Marbles on Stream"),
    "Music": ("Music", "DJs", "Singing", "Piano"),
    "Creative": ("Art", "Software Development", "Makers & Crafting", "Game Development"),
    "Life": ("Just Chatting", "Travel & Outdoors", "Food & Drink", "Fitness & Health", "ASMR", "Science & Technology"),
}
"""The games that the page offers, by category."""
CATEGORY_OF: dict[str, str] = {game: category for category, games in GAMES.items() for game in games}


def category_of(game: str) -> str:
    """A game's category; one that is not listed is its own, so that both caps hold for it."""
    return CATEGORY_OF.get(game, game)
