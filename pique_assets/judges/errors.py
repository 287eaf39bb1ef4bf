"""What is wrong with a judge, or with the file that declares one.

Belongs here: the errors that this room raises itself. Does not: errors of the API (`api.errors`) and of the lake
(`lake.errors`), which pass through unchanged.
"""

from __future__ import annotations

from pique_assets.visible import visible


class JudgeError(Exception):
    """Base of this room's errors."""

    def __str__(self) -> str:
        """Safe to print: names of judges and paths of files may hold any character."""
        return visible(super().__str__())


class JudgeUnsettled(JudgeError):
    """Pique describes the judge differently from answer to answer, or since the run began. Nothing was sent."""


class JudgeFileInvalid(JudgeError):
    """A judge's declaration, or what the declaration names, can't be used. Nothing was sent."""


class JudgeMissing(JudgeError):
    """No judge at Pique has the declared name, and the caller did not ask to create one."""


class JudgeAmbiguous(JudgeError):
    """Several judges at Pique have the declared name; the message names their ids."""


class JudgeDiffers(JudgeError):
    """The judge at Pique is not what its file declares; this package never changes a judge."""


class JudgeCreationInDoubt(JudgeError):
    """Nobody knows whether Pique created the judge; the request is never blindly repeated."""
