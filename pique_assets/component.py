"""The asset graph from YAML: a thin component over `build_defs`.

Belongs here: what YAML has beside the fields of the declarations, and how it becomes `Evaluation`s and resources. Does
not: what the fields mean (`config`, `evaluation.limits`), how they look in YAML (`yaml_models`), the file that
`dg scaffold defs` writes (`scaffolding`), and what is built (`definitions`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import dagster as dg
from dagster.components.utils.translation import TranslationFn, TranslationFnResolver
from pydantic import BaseModel, Field, PrivateAttr, create_model

from pique_assets.config import Evaluation
from pique_assets.declared_values import DeclarationInvalid
from pique_assets.definitions import build_defs
from pique_assets.evaluation.limits import Budget, Limits
from pique_assets.home import in_home, is_url, project_root
from pique_assets.media import DatedFolder, Manifest, SocialUrls
from pique_assets.resources import LakeResource, LedgerResource, PiqueResource, resources_for
from pique_assets.resources.environment import Resources
from pique_assets.scaffolding import EvaluationScaffolder
from pique_assets.sensors import ResultsSensor
from pique_assets.translation import PiqueAssetProps, PiqueTranslator
from pique_assets.yaml_models import fields_in_yaml, model_of, saying_what_to_give

RELATIVE = "A relative path begins at the folder of this YAML file."
# How YAML writes the fields of `Evaluation` that are no plain values.
OTHERWISE_IN_YAML = {
    "media": ("dated_folder", "manifest", "manifest_buckets"),
    "social": ("social",),
    "translator": ("translation",),
}

LimitsModel = model_of(Limits)
BudgetModel = model_of(Budget)


def _env_var_or_text(context: dg.ResolutionContext, value: str) -> str | dg.EnvVar:
    """A template that is an environment variable alone stays one, so that its value is read when a run starts."""
    found = re.fullmatch(r"\{\{\s*env\.(\w+)\s*\}\}", value)
    return dg.EnvVar(found[1]) if found else str(context.resolve_value(value))


ReadWhenARunStarts = Annotated[Any, dg.Resolver(_env_var_or_text, model_field_type=str, inject_before_resolve=False)]
Translation = Annotated[
    TranslationFn[PiqueAssetProps],
    TranslationFnResolver[PiqueAssetProps](lambda props: {"props": props}),
]


class _Described(dg.Model, dg.Resolvable):
    """A model whose schema keeps the descriptions of its fields, which Dagster drops where a field has a default."""

    @classmethod
    def model(cls) -> type[BaseModel]:
        """The schema of the YAML."""
        derived = super().model()
        for name, field in cls.model_fields.items():
            if field.description is not None:
                derived.model_fields[name].description = field.description
        derived.model_rebuild(force=True)
        return derived


class _YamlOfEvaluation(_Described):
    """One evaluation in YAML; the fields are those of `pique_assets.Evaluation`."""

    dated_folder: str | None = Field(
        default=None,
        description=f"Folder or gs:// prefix with a folder for each date. Give this or `manifest`. {RELATIVE}",
    )
    manifest: str | None = Field(
        default=None,
        description="CSV or Parquet manifest; its path may hold {date}. Give this or `dated_folder`. " + RELATIVE,
    )
    manifest_buckets: list[str] | None = Field(
        default=None,
        description="Further buckets whose objects the manifest may name; left out, one in a bucket names its own "
        "bucket's, one on a disk any.",
    )
    social: str | None = Field(
        default=None,
        description="Social media URLs: a folder of dated lists, or a CSV, Parquet or text list whose path may hold "
        "{date}. Beside media, or alone. " + RELATIVE,
    )
    translation: Translation | None = Field(
        default=None,
        description="How Dagster sees each asset: group_name, key_prefix, owners, tags, automation_condition and more; "
        "templates may read `spec` and `props` (evaluation, asset, table, spends, is_external).",
    )

    def to_evaluation(self, *, base: Path) -> Evaluation:
        """The declaration; relative paths begin at `base`, the folder of the YAML.

        Raises:
            DeclarationInvalid: The message names the evaluation, the field, its value and what to give.
        """
        otherwise = {name for names in OTHERWISE_IN_YAML.values() for name in names}
        declared: dict[str, Any] = self.model_dump(exclude_unset=True, exclude=otherwise)
        name = declared["name"]
        if declared.get("judge_file") is not None:
            declared["judge_file"] = _placed(declared["judge_file"], base=base)
        for field, kind in (("limits", Limits), ("budget", Budget)):
            given = declared.pop(field, None)
            if given is not None:
                declared[field] = _part(kind, given, field=field, evaluation=name)
        if self.translation is not None:
            declared["translator"] = PiqueTranslator(translation=self.translation)
        social = None if self.social is None else SocialUrls(_placed(self.social, base=base))
        return Evaluation(**declared, media=self._media(base, name=name), social=social)

    def _media(self, base: Path, *, name: str) -> DatedFolder | Manifest | None:
        if self.manifest_buckets is not None and self.manifest is None:
            raise DeclarationInvalid(
                f"evaluation {name!r}: manifest_buckets are those of a manifest, and there is none",
                field="manifest_buckets",
            )
        if self.dated_folder is not None and self.manifest is None:
            return DatedFolder(_placed(self.dated_folder, base=base))
        if self.manifest is not None and self.dated_folder is None:
            return Manifest(_placed(self.manifest, base=base), buckets=self.manifest_buckets)
        if self.dated_folder is None and self.social is not None:
            return None
        raise DeclarationInvalid(
            f"evaluation {name!r}: give either dated_folder or manifest, or social alone", field="dated_folder"
        )


if TYPE_CHECKING:
    EvaluationModel = _YamlOfEvaluation
else:
    _PARTS = {"limits": LimitsModel | None, "budget": BudgetModel | None}
    EvaluationModel = create_model(
        "EvaluationModel",
        __base__=_YamlOfEvaluation,
        **fields_in_yaml(Evaluation, instead=_PARTS, but=OTHERWISE_IN_YAML),
    )


class SensorModel(_Described):
    """The sensor in YAML; the fields are those of `pique_assets.sensors.ResultsSensor`."""

    name: str | None = Field(default=None, description="`pique_results_<name of the component>` when left out.")
    minimum_interval_s: int = Field(default=30, description="Seconds from one tick to the next, at least.")
    tick_budget_s: float = Field(default=15.0, description="How many seconds a tick may take, more than 2.")
    default_status: Literal["running", "stopped"] = Field(
        default="running", description="Whether the sensor is on until somebody switches it."
    )

    def to_sensor(self) -> ResultsSensor:
        """The sensor's settings.

        Raises:
            ValueError: No tick can keep to them.
        """
        return ResultsSensor(
            name=self.name,
            minimum_interval_s=self.minimum_interval_s,
            tick_budget_s=self.tick_budget_s,
            default_status=dg.DefaultSensorStatus[self.default_status.upper()],
        )


class PiqueModel(_Described):
    """Where Pique is, where it is not the environment's own."""

    base_url: ReadWhenARunStarts | None = Field(
        default=None, description="Address of the API without `/v1`, or '{{ env.NAME }}', read when a run starts."
    )
    api_key: ReadWhenARunStarts | None = Field(
        default=None,
        description="The API key as '{{ env.NAME }}', read when a run starts; a key that is written out is refused.",
    )


class ExecutorModel(_Described):
    """How the steps of a run are executed."""

    type: Literal["in_process", "multiprocess"] = Field(
        description="`in_process`: the steps in the run's own process. `multiprocess`: a process for each step."
    )
    max_concurrent: int | None = Field(
        default=None, ge=1, description="With `multiprocess`: how many steps at once; by default one for each core."
    )

    def to_executor(self) -> dg.ExecutorDefinition:
        """The executor.

        Raises:
            ValueError: `max_concurrent` is given for one process.
        """
        if self.type == "multiprocess":
            return dg.multiprocess_executor.configured({"max_concurrent": self.max_concurrent})
        if self.max_concurrent is not None:
            raise DeclarationInvalid("executor: max_concurrent needs type: multiprocess", field="max_concurrent")
        return dg.in_process_executor


@dg.scaffold_with(EvaluationScaffolder)
class PiqueEvaluations(_Described, dg.Component):
    """Takes dated media to scores: the assets, checks, jobs, schedules and sensor of one or more evaluations.

    Every relative path begins at the folder of the YAML file.
    """

    evaluations: list[EvaluationModel] = Field(description="What to evaluate.")
    environment: Literal["local", "sandbox", "production"] = Field(description="Which Pique evaluates.")
    name: str | None = Field(
        default=None,
        description="What these evaluations are called together, in the names of the sensor and of the resources; the "
        "name of the first one when left out.",
    )
    sensor: SensorModel | None = Field(default=None, description="How the sensor is called and behaves.")
    home: str | None = Field(
        default=None,
        description="Folder for ledger and lake. Left out, both are found by the rule of `pique_assets.home`, as every "
        f"command finds them. {RELATIVE}",
    )
    ledger: ReadWhenARunStarts | None = Field(
        default=None,
        description="Path or postgresql:// URL of the ledger, or '{{ env.NAME }}', read when a run starts. " + RELATIVE,
    )
    lake: ReadWhenARunStarts | None = Field(
        default=None, description="Folder or gs:// URL of the lake, or '{{ env.NAME }}'. " + RELATIVE
    )
    pique: PiqueModel | None = Field(
        default=None, description="Where Pique is and which key to use, where they are not those of `environment`."
    )
    executor: ExecutorModel | None = Field(
        default=None, description="How the steps of a run are executed; in the run's own process when left out."
    )
    _positions: Any = PrivateAttr(default=None)

    @classmethod
    def model(cls) -> type[BaseModel]:
        """The schema of the YAML."""
        return saying_what_to_give(super().model())

    @classmethod
    def load(cls, attributes: Any, context: dg.ComponentLoadContext) -> PiqueEvaluations:  # noqa: ANN401 - as declared
        """The component, which remembers where in the file its fields stand."""
        component = super().load(attributes, context)
        tree = context.resolution_context.source_position_tree
        component._positions = tree and tree.children.get("attributes")
        return component

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The graph `pique_assets.definitions.build_defs` gives for these evaluations.

        Raises:
            DeclarationInvalid: The message begins with file and line, where the component is of a file.
        """
        evaluations = [self._evaluation(number, base=context.path) for number in range(len(self.evaluations))]
        return build_defs(
            evaluations=evaluations,
            resources=self._resources(context.path),
            name=self.name,
            sensor=None if self.sensor is None else self.sensor.to_sensor(),
            executor=None if self.executor is None else self.executor.to_executor(),
        )

    def _evaluation(self, number: int, *, base: Path) -> Evaluation:
        try:
            return self.evaluations[number].to_evaluation(base=base)
        except DeclarationInvalid as invalid:
            if self._positions is None:
                raise
            field = {"media": "dated_folder", "translator": "translation"}.get(invalid.field, invalid.field)
            place, _ = self._positions.lookup_closest_and_path(["evaluations", number, *field.split(".")], trace=None)
            raise DeclarationInvalid(f"{place}: {invalid}", field=invalid.field) from None

    def _resources(self, base: Path) -> Resources:
        home = None if self.home is None else _placed_home(self.home, base=base)
        resources = resources_for(self.environment, home=home, project=base)
        if self.ledger is not None:
            resources["ledger"] = LedgerResource(url=_placed(self.ledger, base=base))
        if self.lake is not None:
            resources["lake"] = LakeResource(root=_placed(self.lake, base=base))
        if self.pique is not None:
            declared = {"base_url": self.pique.base_url, "api_key": self.pique.api_key}
            given = {name: value for name, value in declared.items() if value is not None}
            resources["pique"] = PiqueResource(**{**dict(resources["pique"]), **given})
        return resources


def _part(kind: type[Any], given: dict[str, Any], *, field: str, evaluation: str) -> Any:  # noqa: ANN401 - that kind
    try:
        return kind(**given)
    except DeclarationInvalid as invalid:
        raise DeclarationInvalid(f"evaluation {evaluation!r}: {invalid}", field=f"{field}.{invalid.field}") from None


def _placed(address: str, *, base: Path) -> str:
    if isinstance(address, dg.EnvVar) or is_url(address):
        return address
    return str(base / Path(address).expanduser())


def _placed_home(home: str, *, base: Path) -> str:
    """The folder, unless a ledger is where an earlier release looked, which began at the project's root."""
    placed = Path(_placed(home, base=base))
    earlier = (project_root(base) or base) / Path(home).expanduser()
    if Path(in_home(str(earlier), "ledger")).exists() and not Path(in_home(str(placed), "ledger")).exists():
        raise DeclarationInvalid(
            f"home is {home!r}, which begins at the folder of the YAML file, {base}, and the ledger is in {earlier}: "
            f"write home: {earlier}, because without the ledger everything would be evaluated again",
            field="home",
        )
    return str(placed)
