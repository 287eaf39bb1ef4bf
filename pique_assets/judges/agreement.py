"""Whether what Pique says of a judge is certain enough to buy evaluations with.

Belongs here: asking again where an answer is not what was last known. Does not: which judge is meant (`finding`), and
whether the judge can evaluate, which a submission checks itself.

A judge's configuration is part of every work key. One answer that leaves out a detector would have all content
evaluated with the rest, and the next answer would have all of it evaluated once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from pique_assets.api.models import Judge
from pique_assets.judges.changes import detector_changes, settings_of
from pique_assets.judges.errors import JudgeUnsettled

LOOKS: Final = 5
# Answers of two servers that disagree alternate; a server that lags behind has caught up after this pause.
LOOK_AGAIN_AFTER_S: Final = 1.0


def agreed_judge(
    ask: Callable[[], Judge],
    *,
    known: Callable[[Judge], str | None],
    say: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Judge:
    """The judge as Pique describes it, once the answer is the configuration last known or the answer before.

    A judge that can't evaluate is returned from the first answer: nothing can be bought with that judge.

    Args:
        ask: Asks Pique for the judge.
        known: Takes a judge, and returns the hash of the configuration that was last known of that judge; None when
            nothing is known.
        say: Hears when Pique is asked again.
        sleep: Waits this number of seconds.

    Raises:
        JudgeUnsettled: No two answers in a row agree; nothing was sent.
        PiqueError, JudgeError: As `ask` raises them.
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
