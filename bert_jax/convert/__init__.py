"""Weights from elsewhere and to elsewhere: Google's checkpoints and Hugging Face's folders."""
