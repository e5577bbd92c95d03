"""The names that other programs import."""

import importlib

import pytest

PACKAGES = ("bert_jax", "data_pipeline")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_loads(package):
    module = importlib.import_module(package)
    for name in module.__all__:
        assert getattr(module, name).__name__ == name


@pytest.mark.parametrize("package", PACKAGES)
def test_a_public_name_is_found_by_dir_and_an_unknown_one_is_no_attribute(package):
    module = importlib.import_module(package)
    assert set(module.__all__) <= set(dir(module))
    unknown = "nothing_like_it"
    with pytest.raises(AttributeError, match=f"no attribute {unknown!r}"):
        getattr(module, unknown)
