"""The evaluation process: reads an order a line, measures the media, writes an answer a line.

Media from strangers meets native decoders here and nowhere else, so this process is expendable: it may
crash, spin or be killed at its deadline, and only the job in it fails. It knows no secret, no database and
no network. The other end of the pipe is `worker_process`.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from typing import BinaryIO

from pique_assets.local.detectors import DETECTORS
from pique_assets.local.detectors.base import Material
from pique_assets.local.detectors.media import UnreadableMedia, examine
from pique_assets.local.orders import EvaluationAnswer, EvaluationOrder

MEMORY_LIMIT_BYTES = 4 * 1024**3
"""Address space of one evaluation process: hostile media must not take the machine's memory."""

_PR_SET_PDEATHSIG = 1


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
    answers = _private_output()
    if sys.platform == "linux":
        _confine()
    _preload()
    _say(answers, b"ready")
    for line in sys.stdin.buffer:
        try:
            answer = evaluate(EvaluationOrder.model_validate_json(line))
        except Exception as error:  # A detector's mistake fails its job with a name, not the process for the next job.
            answer = EvaluationAnswer(error=f"Internal error of the local Pique: {type(error).__name__}: {error}")
        _say(answers, answer.model_dump_json().encode())


def _private_output() -> BinaryIO:
    """The pipe to the server, out of reach of libraries that print."""
    descriptor = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(descriptor, "wb")


def _confine() -> None:
    """Die with the server, even in the middle of native code, and never take more than the memory allowed.

    Linux only; elsewhere the end of the input ends an idle process, and memory is not limited.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))


def _preload() -> None:
    # So that no job waits for imports.
    from pique_assets.local.detectors import picture, probe  # noqa: F401


def _say(answers: BinaryIO, line: bytes) -> None:
    answers.write(line + b"\n")
    answers.flush()


if __name__ == "__main__":
    main()
