"""Which documents are not learned from: rules for one document, and copies among all of them."""
