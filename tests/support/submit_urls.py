"""A process that forks for each list of URLs it is told to submit, so that one that dies costs no import.

A line in: an order as JSON. A line out: the return code of the process that did it; negative is the signal it died by.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen

from social_desk import EVALUATION, JUDGE, PARTITION, PATIENT_LIMITS, listed, said_nothing

from pique_assets.api.client import PiqueClient
from pique_assets.evaluation.engine import Engine, Partition
from pique_assets.evaluation.social_posts import SocialPosts
from pique_assets.evaluation.submitting import submit_partition
from pique_assets.ledger import Ledger
from pique_assets.ledger.failpoints import ENVIRONMENT_VARIABLE


@dataclass(frozen=True, kw_only=True)
class Submitters:
    """The tests' end of the pipe."""

    process: Popen[str]

    def submit(self, addresses: list[str], *, failpoint: str, **where: str) -> int:
        """Have a process submit these URLs and die at the failpoint; returns its return code."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps({"urls": addresses, "failpoint": failpoint, **where}) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@contextmanager
def running_submitters(log: Path) -> Iterator[Submitters]:
    """Start the process that forks; what its children complain about is in the log."""
    with log.open("w") as errors:
        process = Popen([sys.executable, __file__], stdin=PIPE, stdout=PIPE, stderr=errors, text=True)
    with process:
        yield Submitters(process=process)


def main() -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become_submitter(json.loads(line))
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become_submitter(order: Mapping[str, str]) -> None:
    code = 1
    try:
        os.environ[ENVIRONMENT_VARIABLE] = order["failpoint"]
        _submit(order)
        code = 0
    except BaseException:  # It must not go on as a second server.
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _submit(order: Mapping[str, str]) -> None:
    with (
        Ledger.open(order["ledger_url"]) as ledger,
        PiqueClient(base_url=order["base_url"], api_key=order["api_key"]) as client,
    ):
        submit_partition(
            Engine(client=client, ledger=ledger, limits=PATIENT_LIMITS, say=said_nothing),
            listed(order["urls"]),
            partition=Partition(evaluation=EVALUATION, key=PARTITION),
            judge=client.get_judge(JUDGE),
            way=SocialPosts(),
        )


if __name__ == "__main__":
    main()
