"""The metrics of a step, as a run gives them."""

METRICS = {
    "step": 1200,
    "loss": 6.816,
    "mlm_loss": 6.123,
    "nsp_loss": 0.693,
    "mlm_accuracy": 0.1234,
    "nsp_accuracy": 0.501,
    "learning_rate": 1e-4,
    "grad_norm": 1.2345,
    "tokens_per_second": 18234.5,
    "input_wait": 0.0012,
}
