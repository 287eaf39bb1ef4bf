"""Files on disks of this host.

Belongs here: every system call on media. Nothing here can block on a FIFO or touch a device: only regular
files are opened, and that is checked before and after opening.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from pique_assets.media.content import ErrorCode, Problem
from pique_assets.media.errors import ContentError, SourceUnavailable
from pique_assets.media.files import Found, to_path
from pique_assets.media.names import is_litter, name_problem

_CODE_OF_ERRNO = {
    errno.ENOENT: ErrorCode.VANISHED,
    errno.ENOTDIR: ErrorCode.VANISHED,
    errno.ESTALE: ErrorCode.VANISHED,
    errno.EACCES: ErrorCode.PERMISSION_DENIED,
    errno.EPERM: ErrorCode.PERMISSION_DENIED,
    errno.ELOOP: ErrorCode.SYMLINK_LOOP,
    errno.ENAMETOOLONG: ErrorCode.BAD_NAME,
    errno.ENXIO: ErrorCode.NOT_A_FILE,
}

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class LocalFile:
    """A regular file, open for reading without a buffer."""

    def __init__(self, raw: io.FileIO) -> None:
        """Take over a file that is open already."""
        self._raw = raw
        status = os.fstat(raw.fileno())
        self.size_bytes = status.st_size
        self.version = _version(status)

    def read(self, size: int) -> bytes:
        """See `OpenedFile.read`."""
        # Room is made for all that is asked for, and what is given back of it leaves a hole: thousands of small files
        # would make the process grow. One byte more than there is, so that a file that grows is noticed.
        at_most = min(size, self.size_bytes + 1)
        try:
            return self._raw.read(at_most) or b""
        except OSError as error:
            raise _content_error(error) from error

    def read_at(self, place: int, size: int) -> bytes:
        """See `OpenedFile.read_at`."""
        try:
            return os.pread(self._raw.fileno(), size, place)
        except OSError as error:
            raise _content_error(error) from error

    def is_unchanged(self) -> bool:
        """See `OpenedFile.is_unchanged`."""
        return _version(os.fstat(self._raw.fileno())) == self.version

    def __enter__(self) -> LocalFile:
        """Open already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self._raw.close()


class LocalFiles:
    """The disks of this host as a `FileStore`."""

    def list_files(self, root_uri: str, folder: str) -> Iterator[Found]:
        """See `FileStore.list_files`. Links to folders are reported, not followed: no loop, no explosion."""
        root = to_path(root_uri)
        try:
            real_root = _real_path(root)
            # Tells a root that may not be looked into from a date that has no folder.
            with os.scandir(real_root):
                top = root / folder
        except OSError as error:
            raise SourceUnavailable(
                f"The media folder {root} cannot be read: {os.strerror(error.errno or 0)}. Check its path."
            ) from error
        if os.path.lexists(top):
            yield from _walk(top, root=real_root)

    def folder_exists(self, folder_uri: str) -> bool:
        """See `FileStore.folder_exists`."""
        return to_path(folder_uri).is_dir()

    def is_there(self, root_uri: str, folder: str) -> bool:
        """See `FileStore.is_there`."""
        return os.path.lexists(to_path(root_uri) / folder)

    def open(self, uri: str, *, root_uri: str | None = None) -> LocalFile:
        """See `FileStore.open`."""
        path = to_path(uri)
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        try:
            if root_uri is not None:
                path = _real_path_inside(path, root=_real_path(to_path(root_uri)))
                flags |= os.O_NOFOLLOW
            _refuse_irregular(path.stat())
            raw = io.FileIO(os.open(path, flags), "rb")
        except OSError as error:
            raise _content_error(error) from error
        try:
            # The name may have been given to something else between the two calls.
            _refuse_irregular(os.fstat(raw.fileno()))
        except ContentError:
            raw.close()
            raise
        return LocalFile(raw)


def _walk(top: Path, *, root: Path) -> Iterator[Found]:
    problem = _link_problem(top, root=root) if top.is_symlink() else None
    if problem is not None and problem.code is not ErrorCode.LINKED_FOLDER:
        yield _found(top, problem)
        return
    pending = [top]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as listing:
                children = list(listing)
        except OSError as error:
            yield _found(folder, _problem_of_folder(error))
            continue
        for child in children:
            if is_litter(child.name):
                continue
            if child.is_symlink():
                yield _found(Path(child.path), _link_problem(Path(child.path), root=root))
            elif not child.is_dir(follow_symlinks=False):
                yield _found(Path(child.path))
            elif child.name.startswith("."):
                yield _found(Path(child.path), name_problem(child.name))
            else:
                pending.append(Path(child.path))


def _found(path: Path, problem: Problem | None = None) -> Found:
    return Found(uri=path.as_uri(), name=path.name, problem=problem)


def _link_problem(path: Path, *, root: Path) -> Problem | None:
    try:
        leads_to_folder = _real_path_inside(path, root=root).is_dir()
    except OSError as error:
        reason = _content_error(error)
        return Problem(code=reason.code, error=f"It is a link: {reason.error}")
    except ContentError as error:
        return Problem(code=error.code, error=error.error)
    if leads_to_folder:
        return Problem(
            code=ErrorCode.LINKED_FOLDER,
            error="It is a link to a folder, which is not followed: put the files themselves here.",
        )
    return None


def _real_path(path: Path) -> Path:
    # Not Path.resolve: up to Python 3.12 that raises RuntimeError on a loop of links.
    return Path(os.path.realpath(path, strict=True))


def _real_path_inside(path: Path, *, root: Path) -> Path:
    real = _real_path(path)
    if not real.is_relative_to(root):
        raise ContentError(ErrorCode.OUTSIDE_ROOT, "It is a link that leads out of the media folder.")
    return real


def _refuse_irregular(status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    kind = next((words for is_kind, words in _KINDS if is_kind(status.st_mode)), "something unusual")
    raise ContentError(ErrorCode.NOT_A_FILE, f"It is {kind}, not a regular file.")


def _version(status: os.stat_result) -> str:
    return f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"


def _problem_of_folder(error: OSError) -> Problem:
    if error.errno == errno.ENOTDIR:
        return Problem(code=ErrorCode.NOT_A_FOLDER, error="A folder is expected here, and it is none.")
    reason = _content_error(error)
    return Problem(code=reason.code, error=f"The folder cannot be listed: {reason.error}")


def _content_error(error: OSError) -> ContentError:
    code = _CODE_OF_ERRNO.get(error.errno or 0, ErrorCode.UNREADABLE)
    if code is ErrorCode.VANISHED:
        return ContentError(code, "It does not exist (any more).")
    return ContentError(code, f"It cannot be read: {os.strerror(error.errno) if error.errno else error}.")
