"""Which pair task a run's files speak of."""

import pytest

from bert_jax.pair_tasks import PAIR_TASKS, pair_task_of


@pytest.mark.parametrize(
    ("names", "task"),
    [
        (["step", "mlm_loss", "nsp_loss"], "next_sentence"),
        (["eval_mlm_loss", "eval_sop_accuracy"], "sentence_order"),
        (["step", "mlm", "sop"], "sentence_order"),
        (["step", "mlm", "nspace_loss", "grad_norm"], None),
        ([], None),
    ],
)
def test_a_task_is_told_from_the_names_of_its_results(names, task):
    assert pair_task_of(names) is PAIR_TASKS.get(task)


def test_no_two_tasks_share_a_name():
    for names in zip(*PAIR_TASKS.values(), strict=True):
        assert len(set(names)) == len(PAIR_TASKS)
