"""An answer about a judge is believed when it is as last known, or when two in a row agree."""

from __future__ import annotations

import pytest

from pique_assets.api.models import Judge
from pique_assets.evaluation.errors import JudgeNotUsable
from pique_assets.evaluation.submitting import require_usable
from pique_assets.judges.agreement import LOOK_AGAIN_AFTER_S, LOOKS, agreed_judge
from pique_assets.judges.errors import JudgeUnsettled

DETECTORS = {
    letter: {"id": letter, "detector_name": f"detector_{letter}", "config": {}, "weight": 1} for letter in "abc"
}


def judge(letters: str, **changes: object) -> Judge:
    """A judge with these detectors."""
    document = {"id": "j", "name": "J", "content_type": "video", "status": "ready", "is_active": True}
    return Judge.model_validate(document | {"detector_configs": [DETECTORS[letter] for letter in letters]} | changes)


def agreed(*answers: str, known: str | None) -> tuple[str, int, float]:
    """The detectors of the judge that is believed, how often Pique was asked, and how long was waited."""
    said = [judge(letters) for letters in answers]
    asked = iter(said)
    waits: list[float] = []
    found = agreed_judge(
        lambda: next(asked),
        known=lambda found: None if known is None else judge(known).configuration_hash(),
        say=lambda sentence: None,
        sleep=waits.append,
    )
    letters = "".join(config.id for config in found.detector_configs)
    return letters, len(said) - len(list(asked)), sum(waits)


@pytest.mark.parametrize(
    ("answers", "known", "believed"),
    [
        (["abc"], "abc", "abc"),
        (["cba"], "abc", "cba"),
        (["ab"], None, "ab"),
        (["ab", "abc"], "abc", "abc"),
        (["ab", "ab"], "abc", "ab"),
        (["ab", "a", "a"], "abc", "a"),
        (["ab", "a", "ab", "abc"], "abc", "abc"),
        (["a", "b", "c", "ab", "abc"], "abc", "abc"),
        (["", ""], "abc", ""),
    ],
)
def test_what_is_believed(answers, known, believed):
    letters, asked, waited_s = agreed(*answers, known=known)
    assert letters == believed
    # A judge without detectors can't evaluate anyway: nobody has to wait for its second answer.
    assert asked == (len(answers) if believed else 1)
    assert waited_s == LOOK_AGAIN_AFTER_S * (asked - 1)


def test_answers_that_go_on_to_differ_are_refused_with_the_difference():
    with pytest.raises(JudgeUnsettled, match="detector detector_b is gone; detector detector_a is new"):
        agreed(*["a", "b"] * LOOKS, known="abc")


@pytest.mark.parametrize("detectors", [None, []])
def test_a_judge_without_detectors_is_refused(detectors):
    with pytest.raises(JudgeNotUsable, match="has no detectors"):
        require_usable(judge("", detector_configs=detectors))
    require_usable(judge("a"))
