"""Everything that can go wrong between us and Pique, as types a caller can act upon.

Belongs here: the errors and the words they use; which answer becomes which error is decided in ``answers``.
Every text is redacted on the way in, no error holds a request or an answer, and all of them survive pickling,
so they may travel between processes and into run logs.
"""

from __future__ import annotations

from typing import Final, TypeVar

from pique_assets.api.redaction import redact

_E = TypeVar("_E", bound="PiqueError")

# With these a server says that it will not do what was asked. Any other refusal may come from somebody on the way, or
# after the work was begun: 408, 409, 425 and 499 among them.
_NOTHING_WAS_DONE: Final = frozenset({400, 401, 402, 403, 404, 405, 411, 413, 414, 415, 417, 422, 426, 428, 429, 431})


def _rebuild(kind: type[_E], message: str, attributes: dict[str, object]) -> _E:
    error = kind.__new__(kind, message)
    error.__dict__.update(attributes)
    return error


class PiqueError(Exception):
    """The base of all errors of this room."""

    def __init__(self, message: str) -> None:
        """Redact the message; whatever it says is safe to show."""
        super().__init__(redact(message))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by attributes: left alone, exceptions do not pickle constructors with keywords."""
        return _rebuild, (type(self), str(self), dict(self.__dict__))

    @property
    def may_have_taken_effect(self) -> bool:
        """Whether Pique may have done what was asked although it did not say so.

        A request that commits to an evaluation must not be repeated while this is true: Pique has no idempotency key,
        and would evaluate and bill again.
        """
        return False


class BrokenEnvironment(PiqueError):
    """A variable of the environment that decides about connections can't be used. Nothing was sent.

    Attributes:
        variable: Its name. Its value may hold a password, so nothing of the value is kept or said.
    """

    def __init__(self, variable: str, problem: str) -> None:
        """Say what is wrong with the variable, in words that follow its name."""
        super().__init__(f"the environment variable {variable} {problem}; correct it or unset it")
        self.variable = variable


class NoAnswer(PiqueError):
    """Nothing came back: no connection, a timeout, a connection cut short.

    Attributes:
        request: Method and path, such as ``GET /v1/judges``.
        reason: What happened instead.
        request_sent: False only when it is certain that Pique did nothing: no attempt reached the server, or
            each that did was refused with 429.
    """

    def __init__(self, *, request: str, reason: str, request_sent: bool) -> None:
        """Say what was asked and why no answer came."""
        known = "It may have been received." if request_sent else "It was certainly not received."
        super().__init__(f"no answer from Pique to {request}: {reason}. {known}")
        self.request = request
        self.reason = redact(reason)
        self.request_sent = request_sent

    @property
    def may_have_taken_effect(self) -> bool:
        """True when the request may have reached the server."""
        return self.request_sent


class PiqueApiError(PiqueError):
    """Pique answered, and the answer is not what was asked for.

    Attributes:
        status: The HTTP status.
        detail: What Pique said, redacted and shortened.
        request: Method and path, such as ``GET /v1/judges``.
    """

    advice = ""

    def __init__(self, *, status: int, detail: str, request: str) -> None:
        """Say what was asked, what came, and what can be done about it."""
        detail = redact(detail)
        said = f": {detail}" if detail else ""
        advice = f" {self.advice}" if self.advice else ""
        super().__init__(f"Pique answered {status} to {request}{said}.{advice}")
        self.status = status
        self.detail = detail
        self.request = request

    @property
    def may_have_taken_effect(self) -> bool:
        """True unless the status says that Pique refused before it did anything; each kind below knows for itself."""
        return type(self) is PiqueApiError and self.status not in _NOTHING_WAS_DONE


class InvalidRequest(PiqueApiError):
    """400 or 422: Pique will not take this request as it is; repeating it is pointless."""


class Unauthorized(PiqueApiError):
    """401 or 403: the key is missing, wrong, or not allowed to do this. Other requests will fail alike."""

    advice = "Check the API key, and that it was issued for this host (production or sandbox)."


class NotFound(PiqueApiError):
    """404: it does not exist, or belongs to another organisation; Pique does not tell which."""

    advice = "Check the id, and that the API key belongs to the organisation that owns it."


class NotReached(PiqueApiError):
    """Something between us and Pique answered in its place, such as a network's sign-in page: Pique got nothing.

    Known by 407 and 511, which only a proxy and a network give, and by a redirect that says to ask elsewhere.
    """

    advice = "Pique never got the request. Sign in to the network, or check the proxy and the base URL."


class TryLater(PiqueApiError):
    """Pique could not do it now, and was asked as often as was safe.

    Attributes:
        retry_after_s: Seconds Pique asked to wait, a day at most; None when it did not say.
    """

    def __init__(self, *, status: int, detail: str, request: str, retry_after_s: float | None = None) -> None:
        """Keep how long Pique asked to wait."""
        super().__init__(status=status, detail=detail, request=request)
        self.retry_after_s = retry_after_s


class RateLimited(TryLater):
    """429: too many requests."""

    advice = "Try again later, or lower the number of concurrent requests."


class ServerError(TryLater):
    """5xx: Pique failed."""

    @property
    def may_have_taken_effect(self) -> bool:
        """True: a server can fail after the work is done."""
        return True


class UnexpectedAnswer(PiqueApiError):
    """A success that cannot be read, or a redirect that may follow what was asked for; none is ever followed.

    Attributes:
        named_jobs: Job ids that the answer names all the same: their evaluations may run.
    """

    def __init__(self, *, status: int, detail: str, request: str, named_jobs: tuple[str, ...] = ()) -> None:
        """Keep which jobs the answer names."""
        super().__init__(status=status, detail=detail, request=request)
        self.named_jobs = named_jobs

    @property
    def may_have_taken_effect(self) -> bool:
        """True: the server took the request, only its answer is unusable."""
        return True


class UploadError(PiqueError):
    """The base of what can go wrong while content is sent to the storage host.

    Attributes:
        job_id: The job the content was meant for.
        status: The storage host's HTTP status, if it answered.
        code: The storage host's own word for it, such as ``SignatureDoesNotMatch``.
        all_sent: Whether every byte was handed over before the answer came. Who has them all may keep them, whatever
            the answer says.
    """

    what = "the upload failed"

    def __init__(
        self, reason: str, *, job_id: str, status: int | None = None, code: str | None = None, all_sent: bool = False
    ) -> None:
        """Say which job's upload failed and why."""
        super().__init__(f"{self.what} (job {job_id}): {reason}")
        self.job_id = job_id
        self.status = status
        self.code = code
        self.all_sent = all_sent

    @property
    def may_have_taken_effect(self) -> bool:
        """True when all bytes were sent: ask for the job's status before it is called dead."""
        return self.all_sent


class UploadForbidden(UploadError):
    """401 or 403: the storage host does not accept the signature."""

    what = "the storage host refused the upload URL"


class UploadExpired(UploadError):
    """The upload URL is past its time."""

    what = "the upload URL has expired"


class UploadRejected(UploadError):
    """The storage host will not take these bytes under this URL."""

    what = "the storage host rejected the upload"


class UploadInterrupted(UploadError):
    """The upload ended without a clear answer: ask for the job's status before sending anything again.

    Attributes:
        request_sent: False only when it is certain that no byte reached the storage host.
    """

    what = "the upload was interrupted"

    def __init__(
        self,
        reason: str,
        *,
        job_id: str,
        request_sent: bool,
        status: int | None = None,
        code: str | None = None,
    ) -> None:
        """Keep whether anything was sent."""
        super().__init__(reason, job_id=job_id, status=status, code=code)
        self.request_sent = request_sent

    @property
    def may_have_taken_effect(self) -> bool:
        """True when the bytes may have landed, and the evaluation with them begun."""
        return self.request_sent


class UploadCorrupted(UploadError):
    """The storage host took the bytes, and its checksum is not ours: something changed them on the way.

    The job has its bytes and will be evaluated; its result is about something else than our content.
    """

    what = "the storage host received other bytes than were sent"

    @property
    def may_have_taken_effect(self) -> bool:
        """True: an object exists, and it starts the evaluation."""
        return True


class ContentChanged(UploadError):
    """The content is no longer what was fingerprinted: its size or checksum differs.

    This is noticed before the last chunk is sent, so the bytes never land and no evaluation begins.
    """

    what = "the content changed after it was fingerprinted"
