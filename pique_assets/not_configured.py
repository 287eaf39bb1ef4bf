"""Why a tick of the sensor can't do anything, in one sentence: what is not set, not reachable or not writable.

Belongs here: from an error to the sentence. Does not: what a tick does (`tick`), and failures of a run, which
Dagster shows beside the run.

A sensor ticks every 30 seconds from the moment the code location is loaded, mostly before anybody has set a key. Each
error of a tick would be a hundred lines of traceback in the log and a red tick in the UI; a tick that skips says the
same in one sentence, and loses nothing, because the next tick looks again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Final

import dagster as dg

from pique_assets import api as api_room, ledger as ledger_room
from pique_assets.home import HomeUnknown

# Dagster's own sentence about an `EnvVar`; the error has the name of the variable nowhere else.
_UNSET_VARIABLE: Final = r'environment variable "([^"]+)" which is not set'


class NotConfigured(Exception):
    """Something that a tick needs can't be had; the message is the sentence that says why."""


class SkippingSensor(dg.SensorDefinition):
    """A sensor that skips with a sentence where an `EnvVar` of its resources is not set.

    Dagster makes the resources before it calls the function of a sensor, so no function can catch this.
    """

    def evaluate_tick(self, context: dg.SensorEvaluationContext) -> Any:  # noqa: ANN401 - Dagster has no public name
        """One tick, as the daemon asks for it."""
        try:
            return super().evaluate_tick(context)
        except dg.DagsterInvalidConfigError as error:
            unset = list(dict.fromkeys(re.findall(_UNSET_VARIABLE, str(error))))
            if not unset:
                raise
            return _skipping(_not_set(unset), name=self.name, cursor=context.cursor)


def skipping_with_the_reason(tick: Callable[..., dg.SensorResult]) -> Callable[..., dg.SensorResult]:
    """The same function of a sensor, which skips with a sentence where ledger or Pique can't be used.

    Only failures that name their own reason become a sentence; a mistake of this package stays an error.
    """

    @wraps(tick)
    def guarded(context: dg.SensorEvaluationContext, **also_given: object) -> dg.SensorResult:
        try:
            return tick(context, **also_given)
        except (NotConfigured, HomeUnknown, ledger_room.LedgerError, api_room.PiqueError) as error:
            # The cursor stays: the next tick is this one again.
            return dg.SensorResult(skip_reason=" ".join(str(error).split()), cursor=context.cursor)

    return guarded


def _not_set(variables: Sequence[str]) -> str:
    what = "variable" if len(variables) == 1 else "variables"
    return (
        f"not configured: set the environment {what} {' and '.join(variables)} for the code location, in its "
        "environment or in the project's .env, and reload the code location"
    )


def _skipping(sentence: str, *, name: str, cursor: str | None) -> Any:  # noqa: ANN401
    """What Dagster makes of a tick that only skips."""
    sensor = dg.SensorDefinition(name=name, evaluation_fn=lambda _: dg.SkipReason(sentence))
    return sensor.evaluate_tick(dg.build_sensor_context(cursor=cursor))
