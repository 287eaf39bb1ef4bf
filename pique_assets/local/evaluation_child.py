"""The evaluation process: reads an order a line, measures the media, writes an answer a line.

Belongs here: what happens to media from strangers, which meets native decoders in this process alone. So the process
is expendable: it may crash, spin or be killed at its deadline, and only its job fails. It knows no secret, no
database and no network. Does not: the server's end of the pipe (`child_process`, `evaluation_pool`).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pique_assets.decoding.confinement import confine, private_output, say
from pique_assets.decoding.facts import UnreadableMedia
from pique_assets.decoding.media import Part
from pique_assets.decoding.reading import read_media
from pique_assets.local.detectors.base import Material, Verdict
from pique_assets.local.detectors.registry import detector_named
from pique_assets.local.orders import DetectorOrder, EvaluationAnswer, EvaluationOrder

MEMORY_LIMIT_BYTES = 4 * 1024**3
"""Address space of one evaluation process: hostile media must not take the machine's memory."""


def evaluate(order: EvaluationOrder) -> EvaluationAnswer:
    """Read the content once, and put it before every detector of the order."""
    detectors = [detector_named(one.detector_name).model_validate(one.config) for one in order.detectors]
    parts = frozenset[Part]().union(*(detector.parts for detector in detectors))
    try:
        media = read_media(order.path, content_type=order.content_type, parts=parts)
    except UnreadableMedia as error:
        return EvaluationAnswer(error=f"Media processing failed: {error}")
    material = Material(media=media, title=order.title, description=order.description, references=order.references)
    verdicts = [detector.judge(material) for detector in detectors]
    return EvaluationAnswer(
        overall_score=_overall_score(order.detectors, verdicts),
        detector_results=[_result(one, verdict) for one, verdict in zip(order.detectors, verdicts, strict=True)],
    )


def _overall_score(orders: Sequence[DetectorOrder], verdicts: Sequence[Verdict]) -> float:
    """The weighted mean of what was shown to hold: where nothing can be said, nothing was."""
    total_weight = sum(order.weight for order in orders)
    weighted = sum(order.weight * (verdict.score or 0.0) for order, verdict in zip(orders, verdicts, strict=True))
    return round(weighted / total_weight, 4) if total_weight else 0.0


def _result(order: DetectorOrder, verdict: Verdict) -> dict[str, object]:
    return {
        "detector_name": order.detector_name,
        "detector_config_id": order.id,
        "pass_check": verdict.pass_check,
        "score": verdict.score,
        "rationale": verdict.rationale,
        "metrics": verdict.metrics,
        "timestamps": list(verdict.timestamps),
        "flagged_frames": list(verdict.flagged_frames),
    }


def main() -> None:
    """Serve evaluations until the input ends."""
    answers = private_output()
    confine(memory_bytes=MEMORY_LIMIT_BYTES)
    _preload()
    say(answers, b"ready")
    for line in sys.stdin.buffer:
        try:
            answer = evaluate(EvaluationOrder.model_validate_json(line))
        except Exception as error:  # A detector's mistake fails its job with a name, not the process for the next job.
            answer = EvaluationAnswer(error=f"Internal error of the local Pique: {type(error).__name__}: {error}")
        say(answers, answer.model_dump_json().encode())


def _preload() -> None:
    # So that no job waits for imports.
    from pique_assets.decoding import picture, sound, viewing  # noqa: F401


if __name__ == "__main__":
    main()
