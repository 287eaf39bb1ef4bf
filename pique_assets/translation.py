"""A team's conventions for the assets of an evaluation: keys, groups, owners, tags and whatever else Dagster shows.

Belongs here: the translator, what it is told of an asset, and which of its answers are refused. Does not: what the
assets are before the translator sees them (`declared_assets`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import dagster as dg

_NAMEABLE: Final = r"[A-Za-z0-9_]+"


class PiqueAssetProps(NamedTuple):
    """What a translator is told of one asset.

    Attributes:
        evaluation: Name of the evaluation.
        asset: Name of the asset within the evaluation, such as `scorecard_daily`.
        table: Name of the lake's table that the asset writes; None where the asset writes none.
        spends: Whether materialising the asset can begin evaluations, which Pique bills, or create a judge.
        is_external: Whether the asset is made elsewhere, so that no run materialises it.
        default_spec: The asset as it is without a translator, with its dependencies and partitions.
    """

    evaluation: str
    asset: str
    table: str | None
    spends: bool
    is_external: bool
    default_spec: dg.AssetSpec


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PiqueTranslator:
    """Decides key, group, owners, tags, kinds, description, metadata, code version and automation of each asset.

    The common conventions are arguments. For any other, override `get_asset_spec` in a subclass:

        class TeamTranslator(PiqueTranslator):
            def get_asset_spec(self, props: PiqueAssetProps) -> dg.AssetSpec:
                spec = super().get_asset_spec(props)
                return spec.replace_attributes(key=spec.key.with_prefix("marketing"), owners=["team:brand"])

        Evaluation(..., translator=TeamTranslator())

    A translator has to give the same answer each time, because the key is asked for whenever a run speaks of an asset.

    Attributes:
        key_prefix: Put before each key.
        group_name: The group of all assets; by default each evaluation is a group.
        owners: Owners of all assets: e-mail addresses, or `team:` and a name.
        tags: Tags that all assets have.
        automation_condition: When Dagster materialises an asset by itself. The condition is left out where the asset is
            made elsewhere, and where materialising the asset spends: there `get_asset_spec` or `translation` has to
            give the condition, and `Evaluation(automate_spending=True)` to allow the condition.
        translation: A function of the spec and the props that returns the spec, applied after the conventions above.
            `translation:` in YAML becomes such a function.
    """

    key_prefix: str | Sequence[str] = ()
    group_name: str | None = None
    owners: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    automation_condition: dg.AutomationCondition[dg.AssetKey] | None = None
    translation: Callable[[dg.AssetSpec, PiqueAssetProps], dg.AssetSpec] | None = None

    def get_asset_spec(self, props: PiqueAssetProps) -> dg.AssetSpec:
        """The asset as this code location wants it.

        Dependencies may be added, and none of the default spec's taken away; partitions stay as they are. An
        automation condition is without effect where the asset is made elsewhere.

        Args:
            props: The asset, with its default spec.
        """
        spec = props.default_spec
        if self is not NO_CONVENTIONS:
            spec = self._by_conventions(spec, props)
        return spec if self.translation is None else self.translation(spec, props)

    def _by_conventions(self, spec: dg.AssetSpec, props: PiqueAssetProps) -> dg.AssetSpec:
        prefix = [self.key_prefix] if isinstance(self.key_prefix, str) else list(self.key_prefix)
        is_automated = not (props.spends or props.is_external)
        return spec.replace_attributes(
            key=spec.key.with_prefix(prefix) if prefix else ...,
            group_name=self.group_name or ...,
            automation_condition=self.automation_condition if is_automated else ...,
        ).merge_attributes(owners=self.owners, tags=self.tags)


NO_CONVENTIONS = PiqueTranslator()
"""The translator of whoever has none: it leaves every asset as the asset is."""


def translated_spec(
    props: PiqueAssetProps, *, translator: PiqueTranslator, automate_spending: bool = False
) -> dg.AssetSpec:
    """The spec that a translator gives for an asset.

    Args:
        props: The asset.
        translator: The evaluation's translator.
        automate_spending: Whether an asset that spends may have an automation condition.

    Raises:
        ValueError: The translator gives no spec, or a key that Dagster can make no name of; takes a dependency away,
            changes the partitions, lets the asset be skipped, or has Dagster spend by itself where nobody has allowed
            that.
    """
    default, spec = props.default_spec, translator.get_asset_spec(props)
    if spec is default:
        return spec
    if not isinstance(spec, dg.AssetSpec):
        raise _refusal(props, f"returned {spec!r}, and has to return an AssetSpec")
    if not re.fullmatch(_NAMEABLE, spec.key.to_python_identifier()):
        raise _refusal(
            props,
            f"gives the key {spec.key.to_user_string()!r}: Dagster makes names of keys, so use letters, digits, `_`, "
            "`-` and `.`",
        )
    if missing := {dep.asset_key for dep in default.deps} - {dep.asset_key for dep in spec.deps}:
        gone = ", ".join(sorted(key.to_user_string() for key in missing))
        raise _refusal(
            props, f"takes the dependency on {gone} away: add dependencies with `merge_attributes(deps=...)`"
        )
    if spec.partitions_def != default.partitions_def:
        raise _refusal(props, "changes the partitions, which the fields of `Evaluation` decide")
    if spec.skippable != default.skippable:
        raise _refusal(props, "makes the asset skippable, and every run of the asset writes it")
    if spec.automation_condition is not None and props.spends and not automate_spending:
        raise _refusal(
            props,
            "has Dagster materialise the asset by itself, which spends: leave the automation condition out where "
            "`props.spends` is true, or allow the condition with Evaluation(automate_spending=True)",
        )
    if spec.automation_condition is not None and props.is_external:
        # One condition for all assets is a fair thing to say, and Dagster would ask for runs that can't be.
        return spec.replace_attributes(automation_condition=None)
    return spec


def _refusal(props: PiqueAssetProps, what: str) -> ValueError:
    return ValueError(f"the translator of evaluation {props.evaluation!r}, asked about asset {props.asset!r}, {what}")
