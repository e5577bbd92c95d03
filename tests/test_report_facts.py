from bert_jax.report_facts import flatten, headline_facts, split_rows, store_facts, text


def test_nested_values_become_pairs_and_lists_of_objects_tables():
    pairs, tables = flatten({"a": {"b_c": 1234}, "rows": [{"x": 1}], "flag": True, "none": None})
    assert pairs == [("a: b c", "1,234"), ("flag", "yes"), ("none", "none")]
    assert tables == [("rows", [{"x": 1}])]


def test_objects_with_tables_of_their_own_and_long_objects_are_taken_apart():
    packages = [{"name": "numpy", "words": 12}]
    pairs, tables = flatten(
        {
            "sources": [{"kind": "documentation", "packages": packages}],
            "versions": {f"package{i}": "1.0" for i in range(20)},
        }
    )
    assert pairs == [("sources: kind", "documentation")]
    assert tables[0] == ("sources: packages", packages)
    assert tables[1][0] == "versions"
    assert tables[1][1][0] == {"name": "package0", "value": "1.0"}


def test_of_a_token_store_the_counts_of_its_splits_come_first():
    counts = {"documents": 12, "tokens": 1470632, "fingerprint": "ab" * 32}
    data = {"splits": {"train": counts}, "tokenizer": {"vocab_size": 8192, "cased": False}}
    assert split_rows(data) == [{"split": "train", "documents": 12, "tokens": 1470632}]
    assert headline_facts(data) == [("vocabulary", "8,192"), ("cased", "no")]
    assert split_rows({}) == []
    assert headline_facts({}) == []


def test_of_a_mixture_each_store_has_its_counts_and_its_name():
    one = {
        "splits": {"train": {"tokens": 12}},
        "tokenizer": {"vocab_size": 80, "cased": True},
        "language": "en",
        "recipe": {"packages": []},
    }
    stores = [{"name": "en", "share": 0.75, **one}]
    stores += [{"name": "sw", "share": 0.25, **one, "language": "sw"}]
    data = {"fingerprint": "cd" * 32, "stores": stores}
    assert split_rows(data) == [
        {"store": "en", "share": "75.0 %", "split": "train", "tokens": 12},
        {"store": "sw", "share": "25.0 %", "split": "train", "tokens": 12},
    ]
    facts = dict(headline_facts(data))
    assert (facts["language"], facts["vocabulary"], facts["cased"]) == ("en, sw", "80", "yes")
    pairs, _ = flatten(store_facts(data))
    assert ("stores: sw: language", "sw") in pairs
    assert not any("recipe" in name for name, _ in pairs)


def test_a_checksum_is_shown_by_its_beginning():
    assert text("0123456789abcdef" * 4) == "0123456789ab…"
    assert text("deadbeef") == "deadbeef"
