"""The evaluation process: reads an order a line, measures the media, writes an answer a line.

Belongs here: what happens to media from strangers, which meets native decoders in this process alone. So the process
is expendable: it may crash, spin or be killed at its deadline, and only its job fails. It knows no secret, no
database and no network. Does not: the server's end of the pipe (`child_process`, `evaluation_pool`).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, to_json

from pique_assets.decoding.confinement import confine, private_output, say
from pique_assets.decoding.facts import UnreadableMedia
from pique_assets.decoding.media import Part
from pique_assets.decoding.reading import read_media
from pique_assets.local.detectors.base import Detector, Material, Verdict
from pique_assets.local.detectors.registry import detector_named
from pique_assets.local.orders import DetectorAnswer, DetectorOrder, EvaluationAnswer, EvaluationOrder

MEMORY_LIMIT_BYTES = 4 * 1024**3
"""Address space of one evaluation process: hostile media must not take the machine's memory."""


class DetectorBroken(Exception):
    """A detector can't say what it found; the text names the detector and what went wrong."""


def evaluate(order: EvaluationOrder) -> EvaluationAnswer:
    """Read the content once, and put it before every detector of the order."""
    detectors = [detector_named(one.detector_name).model_validate(one.config) for one in order.detectors]
    parts = frozenset[Part]().union(*(detector.parts for detector in detectors))
    try:
        media = read_media(order.path, content_type=order.content_type, parts=parts)
    except UnreadableMedia as error:
        return EvaluationAnswer(error=f"Media processing failed: {error}")
    material = Material(media=media, title=order.title, description=order.description, references=order.references)
    try:
        results = [
            _result(order, detector, material) for order, detector in zip(order.detectors, detectors, strict=True)
        ]
    except DetectorBroken as error:
        return EvaluationAnswer(error=f"Evaluation failed: {error}")
    return EvaluationAnswer(
        overall_score=_overall_score(order.detectors, results),
        detector_results=[result.model_dump() for result in results],
    )


def _overall_score(orders: Sequence[DetectorOrder], results: Sequence[DetectorAnswer]) -> float:
    """The weighted mean of what was shown to hold: where nothing can be said, nothing was."""
    total_weight = sum(order.weight for order in orders)
    weighted = sum(order.weight * (result.score or 0.0) for order, result in zip(orders, results, strict=True))
    return round(weighted / total_weight, 4) if total_weight else 0.0


def _result(order: DetectorOrder, detector: Detector, material: Material) -> DetectorAnswer:
    """What one detector says, as the API writes it.

    Raises:
        DetectorBroken: The detector raises, or its verdict is none that the API can write.
    """
    try:
        verdict = detector.judge(material)
        if not isinstance(verdict, Verdict):
            raise DetectorBroken(f"the detector {order.detector_name} returned {type(verdict).__name__}, no Verdict")
        named = {"detector_name": order.detector_name, "detector_config_id": order.id}
        said = {field.name: getattr(verdict, field.name) for field in fields(verdict)}
        return DetectorAnswer.model_validate_json(to_json({**named, **said}, fallback=_plain))
    except DetectorBroken:
        raise
    except ValidationError as error:
        wrong = [
            ": ".join([*map(str, one["loc"]), one["msg"].removeprefix("Value error, ")])
            for one in error.errors(include_url=False)
        ]
        raise DetectorBroken(
            f"the detector {order.detector_name} gave no usable verdict: {'; '.join(wrong)}"
        ) from error
    except PydanticSerializationError as error:
        raise DetectorBroken(f"the verdict of the detector {order.detector_name} is no JSON: {error}") from error
    except Exception as error:  # A user's own detector may raise anything.
        raise DetectorBroken(f"the detector {order.detector_name} raised {type(error).__name__}: {error}") from error


def _plain(value: object) -> object:
    """A number or an array of numpy, which detectors calculate with, as plain numbers."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def main() -> None:
    """Serve evaluations until the input ends."""
    answers = private_output()
    confine(memory_bytes=MEMORY_LIMIT_BYTES)
    _preload()
    say(answers, b"ready")
    for line in sys.stdin.buffer:
        try:
            answer = evaluate(EvaluationOrder.model_validate_json(line))
        except Exception as error:  # A mistake fails its job with a name, not the process for the next job.
            answer = EvaluationAnswer(error=f"Internal error of the local Pique: {type(error).__name__}: {error}")
        say(answers, answer.model_dump_json().encode())


def _preload() -> None:
    # So that no job waits for imports.
    from pique_assets.decoding import picture, sound, viewing  # noqa: F401


if __name__ == "__main__":
    main()
