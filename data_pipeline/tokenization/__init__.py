"""Tokenisers, WordPiece and SentencePiece behind one small class: using, learning, keeping them."""
