"""The evaluation process: reads an order a line, measures the media, writes an answer a line.

Belongs here: what happens to media from strangers, which meets native decoders in this process alone. So the process
is expendable: it may crash, spin or be killed at its deadline, and only its job fails. It knows no secret, no
database and no network. Does not: the server's end of the pipe (`child_process`, `evaluation_pool`).
"""

from __future__ import annotations

import sys

from pique_assets.local.confinement import confine, private_output, say
from pique_assets.local.detectors import DETECTORS
from pique_assets.local.detectors.base import Material, UnreadableMedia
from pique_assets.local.detectors.media import examine
from pique_assets.local.orders import EvaluationAnswer, EvaluationOrder

MEMORY_LIMIT_BYTES = 4 * 1024**3
"""Address space of one evaluation process: hostile media must not take the machine's memory."""


def evaluate(order: EvaluationOrder) -> EvaluationAnswer:
    """Measure the content and put it before every detector of the order."""
    try:
        facts = examine(order.path, content_type=order.content_type)
    except UnreadableMedia as error:
        return EvaluationAnswer(error=f"Media processing failed: {error}")
    material = Material(facts=facts, title=order.title, description=order.description)
    results: list[dict[str, object]] = []
    weighted = 0.0
    for detector in order.detectors:
        verdict = DETECTORS[detector.detector_name].model_validate(detector.config).judge(material)
        weighted += detector.weight * verdict.score
        results.append(
            {
                "detector_name": detector.detector_name,
                "detector_config_id": detector.id,
                "pass_check": verdict.pass_check,
                "score": verdict.score,
                "rationale": verdict.rationale,
                "metrics": verdict.metrics,
                "timestamps": [],
                "flagged_frames": [],
            }
        )
    total_weight = sum(detector.weight for detector in order.detectors)
    score = weighted / total_weight if total_weight else 0.0
    return EvaluationAnswer(overall_score=round(score, 4), detector_results=results)


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
    from pique_assets.local.detectors import picture, probe, sound  # noqa: F401


if __name__ == "__main__":
    main()
