from data_pipeline.wording import amount


def test_one_thing_is_not_two() -> None:
    assert (amount(1, "token"), amount(1234, "token")) == ("1 token", "1,234 tokens")
