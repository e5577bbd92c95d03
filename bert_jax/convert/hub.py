"""Models of the Hugging Face Hub: `hf:OWNER/NAME[@REVISION]` -> a folder in its client's cache."""

import re
from pathlib import Path

from bert_jax.convert.tensors import printable
from bert_jax.errors import UserError

PREFIX = "hf:"
_SYNTAX = re.compile(r"hf:(?P<name>[\w.-]+(/[\w.-]+)?)(@(?P<revision>[\w.+/-]+))?")
# What a model is opened from; never a pickle, which would only be refused after it was fetched.
_FILES = (
    *("config.json", "model.safetensors", "model.safetensors.index.json", "model-*.safetensors"),
    *("vocab.txt", "vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"),
    *("special_tokens_map.json", "added_tokens.json", "sentencepiece.model"),
    *("modules.json", "sentence_*_config.json", "config_sentence_transformers.json"),
    *("*_Pooling/config.json", "*_Normalize/config.json", "README.md"),
)
# Older encoders of sentences have them in a folder of their own.
PATTERNS = [*_FILES, *(f"0_*/{name}" for name in _FILES)]


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

    # What the client's own HTTP library raises is a base of its errors, whichever library it is.
    http = next(
        base
        for base in errors.HfHubHTTPError.__mro__
        if issubclass(base, Exception) and base.__name__ == "HTTPError"
    )
    try:
        folder = Path(
            snapshot_download(given["name"], revision=given["revision"], allow_patterns=PATTERNS)
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
    except (http, OSError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{name} cannot be fetched: {first}") from error
    if not any(folder.rglob("*.safetensors*")):
        _refuse_pickles(name, given["name"], given["revision"])
    return folder


def _refuse_pickles(name: str, repository: str, revision: str | None) -> None:
    """Say that there are weights, and why they were not fetched, where the Hub can be asked."""
    from huggingface_hub import HfApi

    try:
        listed = HfApi().model_info(repository, revision=revision).siblings or []
    except Exception:  # whatever the network does, what was found is said by who opens it
        return
    files = [each.rfilename for each in listed]
    pickles = [file for file in files if file.endswith((".bin", ".pt", ".pth", ".pkl"))]
    if pickles:
        raise UserError(
            f"{name} has its weights only as {printable(pickles[0])}, a pickle, and to read one is "
            "to run what its author wrote into it; it is never read here. Ask its author for "
            "model.safetensors, or look for a revision of the Hub's converter (@refs/pr/N)"
        )
