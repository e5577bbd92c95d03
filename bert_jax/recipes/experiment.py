"""From the name of an experiment to its configs, checked before anything starts."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bert_jax.config import BertConfig, ComputeConfig, MeshConfig, OptimizerConfig, TrainConfig
from bert_jax.errors import UserError
from bert_jax.recipes.bindings import KINDS, build, settable_fields
from bert_jax.recipes.checks import check_bindings, with_places
from bert_jax.recipes.data_config import DataConfig
from bert_jax.recipes.length_schedule import LengthSchedule, Stage
from bert_jax.recipes.overrides import Override
from bert_jax.recipes.shipped import configs_folder, experiment_names
from bert_jax.recipes.statements import (
    Binding,
    Origin,
    override_binding,
    read_statements,
    readable_path,
)
from bert_jax.suggest import did_you_mean
from data_pipeline.objective import PretrainingObjective


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """The configs of one experiment, built.

    `model.vocab_size` is a default until the recipe puts in that of the token store;
    `model.pair_task` is that of the objective. `operative` is the text of an `operative.gin`, from
    which the same experiment is built again: every value, as a literal. `origins` tells for each
    `Class.field` where its value comes from.
    """

    name: str
    kind: str
    path: Path
    train: TrainConfig
    optimizer: OptimizerConfig
    model: BertConfig
    objective: PretrainingObjective
    length_schedule: LengthSchedule
    data: DataConfig
    compute: ComputeConfig
    mesh: MeshConfig
    operative: str
    origins: dict[str, Origin]

    def configs(self) -> dict[str, Any]:
        """The configs by the names of their classes, in the order of `operative`."""
        return {class_name: getattr(self, name) for name, class_name in KINDS[self.kind].items()}

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stretches of the run by the shape of their batches; one without a schedule."""
        return self.length_schedule.stages(self.objective, self.train)


def find_experiment(name_or_path: str, kind: str = "pretrain") -> Path:
    """The file of an experiment.

    A path to a `.gin` file comes first, then the name of a shipped experiment, with or without
    its kind (`pretrain/tiny`) and `.gin`.

    Raises:
      UserError: there is none; with the nearest name.
    """
    given = Path(name_or_path).expanduser()
    if given.suffix == ".gin" and given.is_file():
        return given
    name = name_or_path.removesuffix(".gin").removeprefix(f"{kind}/")
    names = experiment_names(kind)
    if name in names:
        return configs_folder() / kind / f"{name}.gin"
    if (given / "operative.gin").is_file():
        raise UserError(f"{name_or_path} is a folder; its experiment is {given / 'operative.gin'}")
    if given.is_file():
        raise UserError(f"{name_or_path} is no experiment: its name must end in .gin")
    hint = did_you_mean(given.name.removesuffix(".gin"), names)
    raise UserError(
        f"there is no experiment {name_or_path!r}{hint or '.'} Give one of {', '.join(names)}, "
        "or the path of a .gin file"
    )


def load_experiment(
    name_or_path: str,
    bindings: Sequence[str | Override] = (),
    *,
    kind: str = "pretrain",
    data_required: bool = True,
) -> Experiment:
    """Build all configs of an experiment.

    Args:
      name_or_path: a shipped experiment or a `.gin` file (`find_experiment`).
      bindings: `"NAME=VALUE"` as after `--gin.` on the command line, or `Override`s. They come
        after the file's, and later ones win.
      kind: what kind of experiment it is, a key of `KINDS`.
      data_required: whether an experiment that names no data is an error.

    Raises:
      UserError: anything in it is wrong. The message has the file and line or the flag, and the
        nearest right name.
    """
    path = find_experiment(name_or_path, kind)
    statements = read_statements(path, configs_folder())
    for given in bindings:
        override = given if isinstance(given, Override) else Override.parse(given)
        statements.append(override_binding(override))
    check_bindings(statements, kind)
    try:
        built = build(KINDS[kind].values(), "\n".join(b.text() for b in statements))
        _check_together(built)
    except UserError as error:
        raise UserError(with_places(str(error), statements)) from error
    if data_required and not built["DataConfig"].is_given:
        raise UserError(
            f"{readable_path(path)} names no data: give --data STORE, a token store made by "
            "`bert-jax prepare`"
        )
    built["BertConfig"] = dataclasses.replace(
        built["BertConfig"], pair_task=built["PretrainingObjective"].pairs
    )
    return Experiment(
        name=path.stem,
        kind=kind,
        path=path,
        operative=operative_text(built),
        origins=_origins(built, statements),
        **{name: built[class_name] for name, class_name in KINDS[kind].items()},
    )


def with_model(experiment: Experiment, fields: Mapping[str, Any], flag: str) -> Experiment:
    """An experiment with another shape of its model, where it does not name one itself.

    Args:
      experiment: whose values at their default are replaced.
      fields: of `BertConfig`.
      flag: where they come from, for `Experiment.origins`.

    Raises:
      UserError: the model and the rest do not go together.
    """
    taken = {
        name: value
        for name, value in fields.items()
        if experiment.origins[f"BertConfig.{name}"].kind == "default"
    }
    built = experiment.configs()
    built["BertConfig"] = dataclasses.replace(experiment.model, **taken)
    _check_together(built)
    return dataclasses.replace(
        experiment,
        model=built["BertConfig"],
        operative=operative_text(built),
        origins=experiment.origins | {f"BertConfig.{name}": Origin(flag=flag) for name in taken},
    )


def operative_text(configs: dict[str, Any]) -> str:
    """The text of an `operative.gin`: every value of every config, by class name, as a literal.

    Its stores are found from any folder; `Experiment.data` names them as they were given.
    """
    configs = {**configs, "DataConfig": configs["DataConfig"].with_absolute_store()}
    blocks = ["# Every value of a run. `bert-jax pretrain THIS_FILE --run_dir OTHER` repeats it."]
    for class_name, config in configs.items():
        lines = [
            f"{class_name}.{field.name} = {getattr(config, field.name)!r}"
            for field in settable_fields(class_name)
        ]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _origins(built: dict[str, Any], statements: Sequence[Binding]) -> dict[str, Origin]:
    origins = {f"{c}.{field.name}": Origin() for c in built for field in settable_fields(c)}
    return origins | {b.key: b.origin for b in statements if b.owner}


def _check_together(built: dict[str, Any]) -> None:
    """What no class can check alone."""
    pairs, types = built["PretrainingObjective"].pairs, built["BertConfig"].type_vocab_size
    if pairs != "none" and types == 1:
        raise UserError(
            f"PretrainingObjective.pairs is {pairs!r}, which marks the two parts by token types, "
            "and the model has only one (BertConfig.type_vocab_size); set it to 'none'"
        )
    positions = built["BertConfig"].max_length
    stages = built["LengthSchedule"].stages(built["PretrainingObjective"], built["TrainConfig"])
    for stage in stages:
        if stage.objective.max_length > positions:
            owner = "LengthSchedule" if stage.start else "PretrainingObjective"
            when = f" after step {stage.start:,}" if stage.start else ""
            raise UserError(
                f"{owner}.max_length is {stage.objective.max_length}{when}, it must be at most "
                f"BertConfig.max_position_embeddings ({positions}){_shorter(stage, positions)}"
            )


def _shorter(stage: Stage, positions: int) -> str:
    """The flags that make rows of one length fit."""
    room = positions - stage.objective.specials
    if stage.start or room < 1:
        return ""
    share = stage.objective.max_predictions / stage.objective.max_length
    fitting = max(1, min(round(share * positions), room))
    return (
        f"; give --gin.PretrainingObjective.max_length={positions} "
        f"--gin.PretrainingObjective.max_predictions={fitting}"
    )
