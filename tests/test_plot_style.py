from pathlib import Path

import bert_jax
from bert_jax.plot_style import CSS_VARIABLES, SERIES


def test_each_colour_has_a_variable_of_its_own_that_the_page_sets_for_light_and_dark():
    assert len(set(CSS_VARIABLES.values())) == len(CSS_VARIABLES)
    assert len(set(SERIES)) == len(SERIES)
    style = (Path(bert_jax.__file__).parent / "page_style.css.j2").read_text()
    for variable in CSS_VARIABLES.values():
        assert style.count(f"{variable}:") == 2, variable
