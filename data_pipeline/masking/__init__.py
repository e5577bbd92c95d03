"""Which tokens of a batch are masked, and by what: pieces, whole words or spans."""
