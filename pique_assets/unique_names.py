"""Names that one `build_defs` alone may have in a code location, and the sentence that refuses a name to a second one.

Belongs here: the names, as metadata of definitions. Does not: what is named after them (`definitions`).

`dg.Definitions.merge` tells nobody what it merges, and of two evaluations of one name it would say no more than that an
asset key is a duplicate. The keys of the definitions' metadata are the one place where two names meet: Dagster puts the
keys into one dictionary, which compares them.
"""

from __future__ import annotations

from collections.abc import Iterable


class UniqueName(str):
    """A text like any other, except that comparing it with the same name of other definitions raises an error."""

    _way_out: str

    def __new__(cls, text: str, *, way_out: str) -> UniqueName:
        """Make a name from its text, and what the user can do where two definitions have this name."""
        name = super().__new__(cls, text)
        name._way_out = way_out
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


def unique_names(*, evaluations: Iterable[str], name: str, sensor: str) -> dict[str, str]:
    """Metadata with the names that definitions may not share with others in their code location.

    Args:
        evaluations: Names of the evaluations.
        name: What the evaluations are called together.
        sensor: Name of the sensor.
    """
    # In this order: evaluations of one name are the likely mistake, and often have the other names in common too.
    ways_out = {
        f"pique_assets/evaluation/{evaluation}": f"two build_defs of one code location declare an evaluation "
        f"{evaluation!r}, so that their assets would have the same keys: give one of them another name, or declare it "
        "in one of them alone"
        for evaluation in evaluations
    }
    ways_out[f"pique_assets/name/{name}"] = (
        f"two build_defs of one code location are named {name!r}, so that their resources would have the same keys: "
        "give one of them another name with build_defs(name=...), or `name:` in YAML"
    )
    ways_out[f"pique_assets/sensor/{sensor}"] = (
        f"two build_defs of one code location have a sensor {sensor!r}: give one of the two another name with "
        "build_defs(sensor=ResultsSensor(name=...)), or `sensor: {name: ...}` in YAML"
    )
    return {UniqueName(text, way_out=way_out): "of one build_defs" for text, way_out in ways_out.items()}
