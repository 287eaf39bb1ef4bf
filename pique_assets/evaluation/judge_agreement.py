"""Whether what Pique says of a judge is certain enough to buy evaluations with.

Here: asking again where an answer is not what was last known. Not here: which judge is meant (`judges`), and whether it
can evaluate (`partition`).

A judge's configuration is part of every work key. One answer that leaves out a detector would have all content
evaluated with the rest, and the next answer would have all of it evaluated once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from pique_assets.api.models import Judge
from pique_assets.evaluation.errors import JudgeUnsettled
from pique_assets.evaluation.judge_changes import detector_changes, settings_of
from pique_assets.evaluation.progress import Say

LOOKS: Final = 5
# Answers from two servers that disagree alternate; one that is old for a moment is new after it.
LOOK_AGAIN_AFTER_S: Final = 1.0


def agreed_judge(
    ask: Callable[[], Judge],
    *,
    known: Callable[[Judge], str | None],
    say: Say,
    sleep: Callable[[float], None] = time.sleep,
) -> Judge:
    """The judge as Pique describes it: as it was last known, or as two answers in a row have it.

    A judge that can't evaluate is returned as it came: it buys nothing.

    Args:
        ask: Asks Pique for the judge.
        known: The hash of the configuration that was last known of a judge; None when nothing is.
        say: Hears when Pique is asked again.
        sleep: Waits so many seconds.

    Raises:
        JudgeUnsettled: No two answers in a row agree; nothing was sent.
        PiqueError, EvaluationError: As `ask` does.
    """
    judge = ask()
    known_hash = known(judge)
    if known_hash is None or not judge.is_usable or not judge.detector_configs:
        return judge
    for _ in range(LOOKS - 1):
        if judge.configuration_hash() == known_hash:
            return judge
        say(f"judge {judge.id} is not configured as it was when it was last used: asking Pique once more")
        sleep(LOOK_AGAIN_AFTER_S)
        before, judge = judge, ask()
        if judge.configuration_hash() == before.configuration_hash():
            return judge
    if judge.configuration_hash() == known_hash:
        return judge
    changes = "; ".join(detector_changes(settings_of(before), settings_of(judge))) or "in its content type"
    raise JudgeUnsettled(
        f"of {LOOKS} answers about judge {judge.id} ({judge.name}), no two in a row agree; the last two differ: "
        f"{changes}. Nothing was sent: run again when the judge is settled"
    )
