"""Names that one `build_defs` alone may have in a code location, and what was declared under the name of an evaluation.

Belongs here: the names, as metadata of definitions, and the sentence that refuses a name to a second `build_defs`; and
reading from any definitions, however merged or loaded, which evaluations they have. Does not: what is named after the
names (`definitions`).

`dg.Definitions.merge` tells nobody what it merges, and of two evaluations of one name it would say no more than that an
asset key is a duplicate. The keys of the definitions' metadata are the one place where two names meet: Dagster puts the
keys into one dictionary, which compares them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pique_assets.config import Evaluation
    from pique_assets.resource_keys import ResourceKeys


_EVALUATION = "pique_assets/evaluation/"


class DeclaredEvaluation:
    """An evaluation of a code location, and under which keys the code location has the evaluation's resources."""

    # No dataclass: making one is dear, and this module is loaded with every code location.
    def __init__(self, *, evaluation: Evaluation, keys: ResourceKeys) -> None:
        self.evaluation = evaluation
        self.keys = keys


class UniqueName(str):
    """A text like any other, except that comparing it with the same name of other definitions raises an error."""

    _way_out: str
    declared: DeclaredEvaluation | None

    def __new__(cls, text: str, *, way_out: str, declared: DeclaredEvaluation | None) -> UniqueName:
        """Make a name.

        Args:
            text: The name.
            way_out: What the user can do where two definitions have this name.
            declared: What is declared under this name, if it is that of an evaluation.
        """
        name = super().__new__(cls, text)
        name._way_out, name.declared = way_out, declared
        return name

    def __eq__(self, other: object) -> bool:
        """Whether the other has the same text.

        Raises:
            ValueError: The other has the same text, and is the name of another `build_defs`.
        """
        is_equal = super().__eq__(other)
        if is_equal is True and isinstance(other, UniqueName) and other is not self:
            raise ValueError(self._way_out)
        return is_equal

    __hash__ = str.__hash__


def declared_evaluations(metadata: Mapping[str, object]) -> list[DeclaredEvaluation]:
    """The evaluations that definitions have, in the order of their declaration.

    Args:
        metadata: That of the definitions.
    """
    names = [name for name in metadata if isinstance(name, UniqueName)]
    return [name.declared for name in names if name.declared is not None]


def unique_names(*, evaluations: Sequence[Evaluation], keys: ResourceKeys, sensor: str) -> dict[str, str]:
    """Metadata with the names that definitions may not share with others in their code location.

    Args:
        evaluations: The evaluations of one `build_defs`.
        keys: The keys of their resources, by what the evaluations are called together.
        sensor: Name of the sensor.
    """
    # In this order: evaluations of one name are the likely mistake, and often have the other names in common too.
    ways_out = {
        f"{_EVALUATION}{evaluation.name}": f"two build_defs of one code location declare an evaluation "
        f"{evaluation.name!r}, so that their assets would have the same keys: give one of them another name, or "
        "declare it in one of them alone"
        for evaluation in evaluations
    }
    ways_out[f"pique_assets/name/{keys.name}"] = (
        f"two build_defs of one code location are named {keys.name!r}, so that their resources would have the same "
        "keys: give one of them another name with build_defs(name=...), or `name:` in YAML"
    )
    ways_out[f"pique_assets/sensor/{sensor}"] = (
        f"two build_defs of one code location have a sensor {sensor!r}: give one of the two another name with "
        "build_defs(sensor=ResultsSensor(name=...)), or `sensor: {name: ...}` in YAML"
    )
    declared = {f"{_EVALUATION}{one.name}": DeclaredEvaluation(evaluation=one, keys=keys) for one in evaluations}
    return {
        UniqueName(text, way_out=way_out, declared=declared.get(text)): "of one build_defs"
        for text, way_out in ways_out.items()
    }
