"""Two hundred steps of pretraining beside PyTorch, and errors on purpose that must be seen."""

import numpy as np
import pytest
import torch
from exactness import hold
from exactness_rows import PLANTED
from hugging_face import VERSIONS
from trained_curve import (
    STEPS,
    differences,
    first_weights,
    model_config,
    our_losses,
    read_batches,
    their_losses,
)


@pytest.fixture(scope="module")
def run(shared_data, tmp_path_factory):
    """The model's config, the batches, and the losses that PyTorch has."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    text = shared_data / "corpus" / "wikipedia_en.txt.gz"
    batches, vocab_size = read_batches(text, tmp_path_factory.mktemp("curve"))
    config = model_config(vocab_size)
    yield config, batches, their_losses(config, batches, first_weights(config))
    torch.set_num_threads(before)


def test_every_step_of_a_trained_curve_has_the_loss_that_pytorch_has(run):
    config, batches, theirs = run
    ours = our_losses(config, batches)
    assert ours.shape == theirs.shape == (STEPS,)
    # It has learned something: the comparison is not one of first weights alone.
    assert np.mean(theirs[-20:]) < np.mean(theirs[:5]) - 1
    hold("curve", differences(ours, theirs).max(), VERSIONS)


@pytest.mark.parametrize("error", PLANTED)
def test_an_error_on_purpose_leaves_the_curve(run, error):
    config, batches, theirs = run
    wrong = our_losses(config, batches, error)
    hold(f"curve_{error}", differences(wrong, theirs).max(), VERSIONS)
