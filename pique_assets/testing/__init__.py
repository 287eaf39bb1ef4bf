"""For tests, ours and those of users: a real local Pique on which things go wrong as scripted, and a checker.

Belongs here: `running_faulty_pique`, the faults it can bring about, the history it keeps, and `check_history`, which
says what of "nothing lost, nothing evaluated twice" does not hold. Does not: anything a running pipeline needs, and
anything that knows the client or the ledger: both are judged from the server's side of the wire.

    script = FaultScript([Fault(route=Route.UPLOAD, kind=FaultKind.LOST_ANSWER)])
    with running_faulty_pique(data_dir=folder, script=script, seed_judges=judges) as pique:
        ...  # work with pique.base_url and pique.api_key
        assert check_history(records=pique.records(), history=pique.history) == []
"""

from pique_assets.testing.checker import (
    Rule as Rule,
    StateChange as StateChange,
    SubmissionRecord as SubmissionRecord,
    Violation as Violation,
    check_history as check_history,
)
from pique_assets.testing.faults import (
    Fault as Fault,
    FaultKind as FaultKind,
    FaultScript as FaultScript,
    FaultsUnconsumed as FaultsUnconsumed,
    Route as Route,
)
from pique_assets.testing.faulty_pique import FaultyPique as FaultyPique, running_faulty_pique as running_faulty_pique
from pique_assets.testing.history import Exchange as Exchange
