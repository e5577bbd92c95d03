"""Text as text: classes of characters, writing systems, words, and where sentences end."""
