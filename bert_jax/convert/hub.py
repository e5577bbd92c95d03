"""Models of the Hugging Face Hub: `hf:OWNER/NAME[@REVISION]` -> a folder in its client's cache."""

import re
from pathlib import Path

from bert_jax.convert.sentence_encoder import MODULES
from bert_jax.convert.tensors import printable
from bert_jax.errors import UserError

PREFIX = "hf:"
# A revision is a part of a path in the client's cache: none of its parts may be "..".
_SYNTAX = re.compile(
    r"hf:(?P<name>[\w.-]+(/[\w.-]+)?)(@(?P<revision>(?!(.*/)?\.\.?(/|$))[\w.+-]+(/[\w.+-]+)*))?"
)
_SUBFOLDER = re.compile(r"hf:([\w.-]+/[\w.-]+)/([\w./-]*[\w.-])(@.*)?")
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
        inside = _SUBFOLDER.fullmatch(name)
        remedy = f"; {_download(inside[1], inside[2])}" if inside else ""
        raise UserError(
            f"{name!r} is no name of a model; hf:OWNER/NAME[@REVISION] is one, such as "
            f"hf:google-bert/bert-base-uncased{remedy}"
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
        raise UserError(
            f"{name}: the model has no revision {given['revision'] or 'main'}; a branch, tag or "
            f"commit of https://huggingface.co/{given['name']}/commits/main is one"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise UserError(
            f"{name}: the Hub has no such model, or it is private and needs a token (HF_TOKEN, or "
            "the command `hf auth login`)"
        ) from error
    except errors.HFValidationError as error:
        raise UserError(f"{name} is no name of a model: {error}") from error
    except errors.LocalEntryNotFoundError as error:
        there = "not"
        if isinstance(error, getattr(errors, "IncompleteSnapshotError", ())):
            there = "only in part"
        why, remedy = "the Hub cannot be reached", "fetch it where there is a network"
        if isinstance(error.__cause__, errors.OfflineModeIsEnabled):
            why, remedy = "HF_HUB_OFFLINE is set", "unset that to fetch it"
        elif status := _status_of(error.__cause__):
            why, remedy = _refused(status)
        raise UserError(
            f"{name} is {there} in the cache of huggingface_hub, and {why}; {remedy}, or give the "
            "path of a folder that holds the model"
        ) from error
    except (http, OSError) as error:
        if status := _status_of(error):
            raise UserError(f"{name} cannot be fetched: {'; '.join(_refused(status))}") from error
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{name} cannot be fetched: {first}") from error
    if not ((folder / "config.json").is_file() or (folder / MODULES).is_file()):
        raise _without_config(name, given["name"], given["revision"])
    if not any(folder.rglob("*.safetensors*")):
        _refuse_pickles(name, given["name"], given["revision"])
    return folder


def _status_of(error: BaseException | None) -> int | None:
    """Of the Hub's answer, where there is one."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def _refused(status: int) -> tuple[str, str]:
    """What an answer without the Hub's own code for it means, and what to do."""
    if status == 401:
        return "the Hub does not know the token (401)", "set HF_TOKEN anew, or unset it"
    if status == 403:
        return "the token may not read it (403)", "take one that may (HF_TOKEN)"
    return f"the Hub answers with the status {status}", "try again later"


def _files_of(repository: str, revision: str | None) -> list[str]:
    """What the repository holds; nothing where the Hub cannot be asked."""
    from huggingface_hub import HfApi

    try:
        listed = HfApi().model_info(repository, revision=revision).siblings or []
    except Exception:  # whatever the network does, what was found is said all the same
        return []
    return [each.rfilename for each in listed]


def _download(repository: str, folder: str) -> str:
    return (
        f"a folder inside a repository is fetched by `hf download {repository} --include "
        f"'{folder}/*' --local-dir DIR`, and is the model DIR/{folder}"
    )


def _without_config(name: str, repository: str, revision: str | None) -> UserError:
    files = _files_of(repository, revision)
    inside = [file.rpartition("/")[0] for file in files if file.endswith("/config.json")]
    inside = [folder for folder in inside if not re.match(r"\d_", folder)]
    if inside:
        remedy = _download(repository, printable(inside[0]))
        return UserError(f"{name} has no config.json, but {printable(inside[0])}/ has: {remedy}")
    return UserError(
        f"{name} has no config.json, so that it is no model that can be read; {_formats(files)}"
    )


def _formats(files: list[str]) -> str:
    held = ", ".join(printable(file, 40) for file in files[:4])
    more = f" and {len(files) - 4} more" if len(files) > 4 else ""
    return f"it holds {held}{more}" if files else "name another, or give the path of a folder"


def _refuse_pickles(name: str, repository: str, revision: str | None) -> None:
    """Say that there are weights, and why they were not fetched, where the Hub can be asked."""
    files = _files_of(repository, revision)
    pickles = [file for file in files if file.endswith((".bin", ".pt", ".pth", ".pkl"))]
    if pickles:
        raise UserError(
            f"{name} has its weights only as {printable(pickles[0])}, a pickle, and to read one is "
            "to run what its author wrote into it; it is never read here. Ask its author for "
            "model.safetensors, or look for a revision of the Hub's converter (@refs/pr/N)"
        )
