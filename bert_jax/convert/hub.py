"""Models of the Hugging Face Hub: `hf:OWNER/NAME[@REVISION]` -> a folder in its client's cache."""

import re
from pathlib import Path

from bert_jax.errors import UserError

PREFIX = "hf:"
_SYNTAX = re.compile(r"hf:(?P<name>[\w.-]+(/[\w.-]+)?)(@(?P<revision>[\w.+/-]+))?")
# What a model is opened from; never a pickle, which would only be refused after it was fetched.
_FILES = (
    *("config.json", "model.safetensors", "model.safetensors.index.json", "model-*.safetensors"),
    *("vocab.txt", "vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"),
    *("special_tokens_map.json", "added_tokens.json", "sentencepiece.model"),
    *("modules.json", "1_Pooling/config.json", "2_Normalize/*", "sentence_bert_config.json"),
    "README.md",
)


def is_hub_name(source: str | Path) -> bool:
    """Whether this names a model of the Hub, and no path."""
    return isinstance(source, str) and source.startswith(PREFIX)


def fetch(name: str) -> Path:
    """The folder of a model, fetched where it is not in the cache yet.

    Args:
      name: `hf:OWNER/NAME`, or with `@` a branch, tag or commit. The cache is huggingface_hub's own
        (its variable HF_HOME); with HF_HUB_OFFLINE=1 nothing but the cache is looked at.

    Raises:
      UserError: there is no such name or model, it cannot be reached and is not in the cache, or
        it is one that must be asked for.
    """
    given = _SYNTAX.fullmatch(name)
    if given is None:
        raise UserError(
            f"{name!r} is no name of a model; hf:OWNER/NAME[@REVISION] is one, such as "
            "hf:google-bert/bert-base-uncased"
        )
    from huggingface_hub import errors, snapshot_download

    try:
        return Path(
            snapshot_download(
                given["name"], revision=given["revision"], allow_patterns=list(_FILES)
            )
        )
    except errors.GatedRepoError as error:
        raise UserError(
            f"{name} must be asked for at the Hub, and then opened with a token (HF_TOKEN, or the "
            "command `hf auth login`)"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"{name}: the model has no revision {given['revision']}") from error
    except errors.RepositoryNotFoundError as error:
        raise UserError(
            f"{name}: the Hub has no such model, or it is private and needs a token (HF_TOKEN)"
        ) from error
    except errors.HFValidationError as error:
        raise UserError(f"{name} is no name of a model: {error}") from error
    except errors.LocalEntryNotFoundError as error:
        raise UserError(
            f"{name} is not in the cache of huggingface_hub, and the Hub cannot be reached; fetch "
            "it where there is a network, or give the path of a folder that holds the model"
        ) from error
    except (errors.HfHubHTTPError, OSError) as error:
        raise UserError(f"{name} cannot be fetched: {str(error).splitlines()[0]}") from error
