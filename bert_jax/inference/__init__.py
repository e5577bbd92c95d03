"""Using a trained model: one file for each thing a head can do."""
