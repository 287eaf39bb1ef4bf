"""One way to write a URL, so that two people who list the same video name it alike.

Belongs here: which URLs can be content, their canonical form and the fingerprint made of it. Does not: which addresses
are of one video (`video_addresses`), the lists they stand in (`social_urls`), nor anything that would ask the network.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from urllib.parse import parse_qsl, unquote, urlsplit

from pique_assets.media.content import ErrorCode
from pique_assets.media.errors import ContentError

MAX_URL_CHARACTERS = 2048

_DEFAULT_PORTS = {"http": 80, "https": 443}
# Spaces, control characters, and what is copied along unseen, such as zero-width spaces and direction marks.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})
# Left over from markup and quoting: no address bar gives them.
_REFUSED_CHARACTERS = frozenset('\\<>"')
_SIGNATURES = frozenset({"x-goog-signature", "x-amz-signature"})
_TOKENS = frozenset({"access_token", "id_token"})
# On these sites path and query say which video it is, and a fragment never does unless it is a path itself.
_SITES_WITHOUT_FRAGMENTS = (
    *("youtube.com", "youtu.be", "tiktok.com", "instagram.com", "facebook.com", "fb.watch", "x.com", "twitter.com"),
    *("threads.net", "threads.com", "vimeo.com", "dailymotion.com", "twitch.tv", "snapchat.com", "pinterest.com"),
    *("linkedin.com", "reddit.com", "bsky.app"),
)
# A moment or a piece of the same video, or a place on its page.
_PLACE = re.compile(
    r"(?:(?:t|xywh|track)=[^&]*(?:&(?:t|xywh|track)=[^&]*)*"
    r"|top|comments?|comment-\d+|respond|disqus_thread|share)?",
    re.IGNORECASE,
)
_TEXT_ON_THE_PAGE = ":~:"
# No media file begins like this, so no content that was uploaded can have the fingerprint of a URL.
_FINGERPRINTED_AS = b"pique_assets social url\0"


def canonical_url(text: str) -> str:
    """Return the URL as it is submitted, compared and stored.

    Scheme and host become lower case, the scheme's default port goes, and an empty path becomes ``/``. A fragment that
    is a place on a page, or a moment of a video, is dropped; any other is part of the address, as in ``#/video/1`` or a
    key, and stays. Path and query stay as they are: what they mean is the host's business, and a wrong guess would take
    two videos for one.

    Args:
        text: A URL without blanks around it.

    Raises:
        ContentError: ``bad_url``; the reason never repeats the URL, which may hold a password.
    """
    refused = _refusal(text)
    if refused is not None:
        raise _bad(refused)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _bad("has a host or port that makes no sense") from None
    scheme = parts.scheme
    if scheme not in _DEFAULT_PORTS or not text[len(scheme) :].startswith("://"):
        raise _bad("is not an http or https URL")
    if "@" in parts.netloc:
        raise _bad("holds a user name or password, which would be stored and sent on")
    if not any(character.isalnum() for character in host):
        raise _bad("names no host")
    if any(name.lower() in _SIGNATURES for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
        raise _bad("is a signed URL, a credential that would be stored and sent on: upload the file instead")
    if any(name.lower() in _TOKENS for name, _ in parse_qsl(parts.fragment, keep_blank_values=True)):
        raise _bad("holds a token, a credential that would be stored and sent on")
    shown_host = f"[{host}]" if ":" in host else host
    shown_port = "" if port in (None, _DEFAULT_PORTS[scheme]) else f":{port}"
    rest = text[len(f"{scheme}://{parts.netloc}") :].partition("#")[0]
    fragment = _part_of_address(parts.fragment, host=host)
    return f"{scheme}://{shown_host}{shown_port}{rest if rest.startswith('/') else '/' + rest}{fragment}"


def url_fingerprint(url: str) -> str:
    """Return what stands for a URL where content has its hash: SHA-256, 64 hex digits, never those of a media file.

    Args:
        url: As `canonical_url` writes it.
    """
    return hashlib.sha256(_FINGERPRINTED_AS + url.encode()).hexdigest()


def spelling(url: str) -> str:
    """Return what two spellings of one URL have in common, as servers change it in their answers.

    Scheme, a leading ``www.`` or ``m.``, a slash at the end, percent-encoding and the order of the query's parts do not
    count. Two URLs that are not the same may share it: it only serves to find again what one has sent.

    Args:
        url: As `canonical_url` writes it.
    """
    parts = urlsplit(url)
    host = parts.netloc.removeprefix("www.").removeprefix("m.")
    return repr((host, unquote(parts.path).rstrip("/"), sorted(parse_qsl(parts.query, keep_blank_values=True))))


def is_of(host: str, sites: tuple[str, ...]) -> bool:
    """Whether a host is one of these sites or below one."""
    return any(host == site or host.endswith(f".{site}") for site in sites)


def _part_of_address(fragment: str, *, host: str) -> str:
    """The fragment with its mark, where it says what is shown; nothing where it says where on the page to look."""
    fragment = fragment.partition(_TEXT_ON_THE_PAGE)[0]
    is_path = fragment.startswith(("/", "!"))
    if not is_path and (_PLACE.fullmatch(fragment) or is_of(host, _SITES_WITHOUT_FRAGMENTS)):
        return ""
    return f"#{fragment}"


def _refusal(text: str) -> str | None:
    if len(text) > MAX_URL_CHARACTERS:
        return f"has {len(text)} characters, more than {MAX_URL_CHARACTERS}"
    for character in text:
        if character in _REFUSED_CHARACTERS:
            return f"contains {character!r}, which belongs in no URL"
        if unicodedata.category(character) in _REFUSED_CATEGORIES:
            return f"contains a blank or an invisible character (U+{ord(character):04X})"
    return None


def _bad(reason: str) -> ContentError:
    return ContentError(ErrorCode.BAD_URL, f"The URL {reason}.")
