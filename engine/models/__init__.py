"""The nouns: tables and frozen values. They know each other's names and nothing of how they are stored or judged."""
