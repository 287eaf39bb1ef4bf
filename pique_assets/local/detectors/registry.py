"""The detectors this Pique has, by name, and whether one can work with the options of a judge.

Belongs here: finding detectors, those of this package and any that other packages register at the entry point
`GROUP`. The real Pique has an open set, this one those that are installed: whatever is not registered fails the judge
that asks for it, and never passes. Does not: any import of a media library.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from pydantic import ValidationError

from pique_assets.extras import EXTRAS
from pique_assets.local.detectors.base import Detector

GROUP = "pique_assets.detectors"
"""The entry point group; a name in it is a detector's name, its value a subclass of `Detector`."""


class DetectorUnusable(LookupError):
    """There is no such detector here, or it can't be loaded; the text says which and why."""


@cache
def _registered() -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    # One distribution may be found twice on the path, as in an editable install.
    for entry in sorted(set(entry_points(group=GROUP)), key=lambda one: (one.name, one.value)):
        found.setdefault(entry.name, []).append(entry)
    return found


def detector_names() -> list[str]:
    """The names of all registered detectors, sorted."""
    return sorted(_registered())


@cache
def detector_named(name: str) -> type[Detector]:
    """The class of a registered detector.

    Raises:
        DetectorUnusable: None is registered under that name, two are, or the one that is can't be loaded.
    """
    entries = _registered().get(name, [])
    if not entries:
        raise DetectorUnusable(f"{name}: the local Pique has no such detector (it has {', '.join(detector_names())})")
    if len(entries) > 1:
        raise DetectorUnusable(f"{name}: two packages register it: {' and '.join(entry.value for entry in entries)}")
    try:
        loaded = entries[0].load()
    except Exception as error:  # A user's own module may raise anything.
        raise DetectorUnusable(
            f"{name}: {entries[0].value} can't be loaded: {type(error).__name__}: {error}"
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Detector)):
        raise DetectorUnusable(
            f"{name}: {entries[0].value} is no subclass of pique_assets.local.detectors.base.Detector"
        )
    return loaded


def references_of(detector_name: str, config: Mapping[str, object]) -> tuple[str, ...]:
    """The URIs of the files that a detector with these options compares content with."""
    return tuple(detector_named(detector_name).model_validate(dict(config)).references())


def reason_refused(detector_name: str, config: Mapping[str, object], *, content_type: str) -> str | None:
    """Why a judge of ``content_type`` cannot have this detector with these options, or None if it can."""
    try:
        detector = detector_named(detector_name)
    except DetectorUnusable as error:
        return str(error)
    if content_type not in detector.content_types:
        measured = " and ".join(sorted(detector.content_types))
        return f"{detector_name}: measures {measured}, not {content_type}"
    try:
        configured = detector.model_validate(dict(config))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{detector_name}: option {where}: {first['msg']}"
    for extra in detector.extras:
        if missing := EXTRAS[extra].missing():
            return (
                f"{detector_name}: needs {', '.join(missing)}, which is not installed: "
                f"pip install 'pique_assets[{extra}]'"
            )
    reason = configured.reason_not_ready()
    return None if reason is None else f"{detector_name}: {reason}"
