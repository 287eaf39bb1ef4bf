"""Downloads, uploads and copies that are still under way, told by names.

Belongs here: the names that programs give to a file until it is whole, and to the records that they keep beside it.
Does not: what a file's bytes say of its being whole (`iso_media`, `tiff`, `audio_frames`).

Such a file is held back, never sent: half a video would be evaluated, and billed, and the whole one once more. The file
is content as soon as it has its real name, and nothing beside it says that it is not whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pique_assets.media.content import ErrorCode, Problem
from pique_assets.media.content_type import MEDIA_EXTENSIONS
from pique_assets.media.names import brief

_OF_ONE_FILE = (
    # Firefox, yt-dlp, curl, Transmission, JDownloader, ownCloud; Edge, rclone; Chrome, twice; WinSCP; Opera; Safari.
    *("part", "partial", "crdownload", "crswap", "filepart", "opdownload", "download"),
    # Sonarr and its like; Hadoop; Resilio Sync.
    *("partial~", "_copying_", "!sync"),
    # BitTorrent clients and download managers.
    *("!ut", "!qb", "bc!", "!bt", "az!", "dtapart", "fdmdownload", "xltd", "jc!", "ob!"),
    # Programs of many kinds.
    *("tmp", "temp", "downloading", "uploading", "incomplete", "unfinished", "inprogress"),
)
_RECORDS = ("aria2", "aria2__temp", "ytdl", "lftp-pget-status", "part.met")
"""Of aria2, yt-dlp, lftp and eMule: they say which parts of the file beside them are there."""

_BESIDE = (
    *("aria2", "part", "partial", "crdownload", "filepart", "opdownload", "ytdl", "st", "lftp-pget-status"),
    *("aspx", "aspera-ckpt"),
)
"""A file with such a one beside it is a placeholder, or is being written to."""

_BY_SUFFIX = re.compile(
    # yt-dlp adds the number of a fragment, mc its own name.
    rf"\.({'|'.join(map(re.escape, (*_OF_ONE_FILE, *_RECORDS)))}|part-frag\d+|part\.minio)$",
    re.IGNORECASE,
)
_MEDIA_NAME = rf".+\.(?:{'|'.join(sorted(MEDIA_EXTENSIONS))})"
_BY_FORM = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        # gsutil and gcloud.
        r".+_\.gstmp$",
        # rsync: .clip.mp4.Xy12Zz
        rf"\.{_MEDIA_NAME}\.[a-z0-9]{{6}}$",
        # The AWS command line: clip.mp4.1aB2c3D4; digits alone are rather a date.
        rf"{_MEDIA_NAME}\.(?!\d+$)[0-9a-f]{{8}}$",
        # Thunder, axel and Aspera, whose endings are common ones of other programs.
        rf"{_MEDIA_NAME}\.(?:td|st|aspx|aspera-ckpt)$",
        # Nextcloud and ownCloud: .clip.mp4.~1a2b
        rf"\.?{_MEDIA_NAME}\.~[0-9a-f]+$",
        # Programs of macOS that save safely: clip.mp4.sb-1a2b3c4d-Xy12Zz
        rf"{_MEDIA_NAME}\.sb-[0-9a-f]{{8}}-\w{{6}}$",
        # yt-dlp: clip.f137.mp4 and clip.f251.webm have picture and sound, until it puts these together in clip.temp.mp4
        rf".+\.(?:temp|f\d{{3}}(?:-\w+)?)\.(?:{'|'.join(sorted(MEDIA_EXTENSIONS))})$",
        # Android, AzCopy, Syncthing, ProFTPD and lftp, pure-ftpd.
        rf"\.pending-\d+-{_MEDIA_NAME}$",
        r"\.azdownload-.+",
        r"(?:~syncthing~|\.syncthing\.).+",
        r"\.in\..+\.$",
        r"\.pureftpd-upload\..+",
    )
)
_FOLDER = re.compile(rf"{_MEDIA_NAME}\.download$", re.IGNORECASE)


def progress_problem(name: str, *, folders: str = "") -> Problem | None:
    """Why a file is not whole yet, as its name says; None where that says nothing of the kind.

    Args:
        name: The last part of a path.
        folders: The folders it lies in, below the date's, with slashes between them. Safari keeps a download in a
            folder of its own.
    """
    folder = next((one for one in folders.split("/") if _FOLDER.match(one)), None)
    if folder is not None:
        return _held_back(f"The name of its folder, {brief(folder)!r},")
    found = _BY_SUFFIX.search(name)
    if found is not None and found.start() > 0:
        return _held_back(f"Its name ({found[0]})")
    if any(form.match(name) for form in _BY_FORM):
        return _held_back(f"The form of its name, {brief(name)!r},")
    return None


def companion_problem(
    uri: str, *, name: str, is_there: Callable[[str], bool], sidecar_suffix: str = ""
) -> Problem | None:
    """Why a file is not whole yet, as another one beside it says; None where there is none.

    Args:
        uri: The file's.
        name: The last part of its path.
        is_there: Whether there is something at a uri.
        sidecar_suffix: Of the file that has its title and description; without these the file would be evaluated, and
            once more with them.
    """
    for ending in ("", sidecar_suffix) if sidecar_suffix else ("",):
        beside = next((suffix for suffix in _BESIDE if is_there(f"{uri}{ending}.{suffix}")), None)
        if beside is not None:
            what = "its sidecar is" if ending else "it is"
            return Problem(
                code=ErrorCode.IN_PROGRESS,
                error=f"{brief(f'{name}{ending}.{beside}')!r} beside it says that {what} still being written: it is "
                "content once that file is gone. Remove that file if nothing writes any more.",
            )
    return None


def _held_back(subject: str) -> Problem:
    return Problem(
        code=ErrorCode.IN_PROGRESS,
        error=f"{subject} says that it is still being written: it is content once it has its real name. Rename it if "
        "it is whole.",
    )
