"""The log: its topics, its ports and adapters, and the runner that folds it into views."""
