"""The detectors this Pique has, by name, and whether one can work with the options of a judge.

Belongs here: finding detectors, those of this package and any that other packages register at the entry point
`GROUP`. The real Pique has an open set, this one those that are installed: whatever is not registered fails the judge
that asks for it, and never passes. Does not: any import of a media library.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    """The URIs of the files that a detector with these options compares content with.

    Raises:
        DetectorUnusable: The detector can't be had, or can't say.
        ValidationError: The options are none of the detector's.
    """
    detector = _configured(detector_named(detector_name), config)
    try:
        references = detector.references()
        if isinstance(references, str) or not all(isinstance(uri, str) for uri in references):
            raise TypeError(f"references() returned {references!r}, no list of URIs")
    except Exception as error:
        raise _broken(detector_name, error) from error
    return tuple(references)


def reason_refused(detector_name: str, config: Mapping[str, object], *, content_type: str) -> str | None:
    """Why a judge of ``content_type`` cannot have this detector with these options, or None if it can."""
    try:
        detector = detector_named(detector_name)
        if content_type not in detector.content_types:
            measured = " and ".join(sorted(detector.content_types))
            return f"{detector_name}: measures {measured}, not {content_type}"
        configured = _configured(detector, config)
    except DetectorUnusable as error:
        return str(error)
    except ValidationError as error:
        return f"{detector_name}: {_complaints(error, options=detector.model_fields)}"
    for extra in detector.extras:
        if extra not in EXTRAS:
            return f"{detector_name}: there is no extra {extra} of pique_assets (there are {', '.join(EXTRAS)})"
        if missing := EXTRAS[extra].missing():
            return (
                f"{detector_name}: needs {', '.join(missing)}, which is not installed: "
                f"pip install 'pique_assets[{extra}]'"
            )
    try:
        reason = configured.reason_not_ready()
    except Exception as error:
        return str(_broken(detector_name, error))
    return None if reason is None else f"{detector_name}: {reason}"


def _configured(detector: type[Detector], config: Mapping[str, object]) -> Detector:
    try:
        return detector.model_validate(dict(config))
    except ValidationError:
        raise
    except Exception as error:
        raise _broken(detector.detector_name, error) from error


def _broken(name: str, error: Exception) -> DetectorUnusable:
    """A user's own detector may raise anything, and the server has to go on."""
    return DetectorUnusable(f"{name}: the detector raised {type(error).__name__}: {error}")


def _complaints(error: ValidationError, *, options: Iterable[str]) -> str:
    """What is wrong with the options of a judge, in words."""
    unknown, wrong = [], []
    for one in error.errors(include_url=False):
        where = ".".join(str(part) for part in one["loc"])
        said = one["msg"].removeprefix("Value error, ")
        if one["type"] == "extra_forbidden":
            unknown.append(where)
        else:
            wrong.append(f"option {where}: {said}" if where else said)
    if unknown:
        wrong.append(f"there is no option {', '.join(unknown)} (there are {', '.join(options)})")
    return "; ".join(wrong)
