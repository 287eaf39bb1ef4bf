"""What is different between two configurations of a judge, in words.

Belongs here: comparing detectors and their settings. Does not: where a configuration comes from (Pique, a declaration,
the lake).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pique_assets.api.fields import canonical_json
from pique_assets.api.models import Judge

_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorSettings:
    """What is compared of one detector of a judge.

    Attributes:
        name: The detector's name.
        config: The detector's settings; a setting of null counts as missing, as Pique counts it.
        weight: The detector's weight; None in a declaration, because the API takes none when a judge is created.
        config_id: Pique's id of the detector config; None before the judge is created.
    """

    name: str
    config: Mapping[str, object] = field(default_factory=dict)
    weight: float | None = None
    config_id: str | None = None

    def settings(self) -> dict[str, object]:
        """The settings that are not null, with the weight as one of them."""
        return {
            **{f"config.{name}": value for name, value in self.config.items() if value is not None},
            **({} if self.weight is None else {"weight": self.weight}),
        }


def settings_of(judge: Judge) -> list[DetectorSettings]:
    """The detectors of a judge as Pique describes it."""
    return [
        DetectorSettings(name=one.detector_name, config=one.config, weight=one.weight, config_id=one.id)
        for one in judge.detector_configs
    ]


def detector_changes(before: Sequence[DetectorSettings], after: Sequence[DetectorSettings]) -> list[str]:
    """What was added, removed and set otherwise, a sentence each; empty when the two configurations measure the same.

    The order of detectors does not count. Two detectors are the same if they have the same id, else if they have the
    same name. A judge may have a detector twice; of several with one name, equal ones are paired first.
    """
    removed, added = list(before), list(after)
    pairs: list[tuple[DetectorSettings, DetectorSettings]] = []
    for alike in (_same_id, _equal, _same_name):
        for old in list(removed):
            new = next((new for new in added if alike(old, new)), None)
            if new is not None:
                removed.remove(old)
                added.remove(new)
                pairs.append((old, new))
    return [
        *(f"detector {old.name} is gone" for old in removed),
        *(f"detector {new.name} is new" for new in added),
        *(change for old, new in pairs for change in _changes(old, new)),
    ]


def _changes(old: DetectorSettings, new: DetectorSettings) -> Iterable[str]:
    if old.name != new.name:
        yield f"detector {old.name} became {new.name}"
    before, after = old.settings(), new.settings()
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield f"{new.name}: {name} is gone (it was {_shown(before[name])})"
        elif name not in before:
            yield f"{new.name}: {name} is new: {_shown(after[name])}"
        elif canonical_json(before[name]) != canonical_json(after[name]):
            yield f"{new.name}: {name} was {_shown(before[name])}, is {_shown(after[name])}"
    if old.config_id and new.config_id and old.config_id != new.config_id:
        yield f"{new.name}: its detector config has another id, {new.config_id}"


def _same_id(old: DetectorSettings, new: DetectorSettings) -> bool:
    return old.config_id is not None and old.config_id == new.config_id


def _equal(old: DetectorSettings, new: DetectorSettings) -> bool:
    return old.name == new.name and canonical_json(old.settings()) == canonical_json(new.settings())


def _same_name(old: DetectorSettings, new: DetectorSettings) -> bool:
    return old.name == new.name


def _shown(value: object) -> str:
    text = canonical_json(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"
