"""Which addresses are of one video, so that a date's lists have it evaluated once.

Belongs here: what of an address says which video it is, on any site, and how large sites write one video in several
ways. Does not: what is sent and fingerprinted, which is the URL as it is listed (`urls`): a URL whose fingerprint
changed would be evaluated, and billed, again.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from pique_assets.media.urls import is_of

# These say who shared an address, and where it was clicked.
_TRACKING = frozenset(
    {"fbclid", "gclid", "dclid", "gbraid", "wbraid", "msclkid", "twclid", "ttclid", "yclid", "igsh", "igshid"}
    | {"mc_cid", "mc_eid", "_ga", "_gl", "mibextid"}
)
_TRACKING_PREFIX = "utm_"
# Parameters whose names are too short to say so of every site.
_TRACKING_OF_SITES = {
    # The last three name a moment.
    ("youtube.com", "youtu.be"): frozenset({"si", "feature", "pp", "ab_channel", "t", "start", "time_continue"}),
    ("x.com", "twitter.com"): frozenset({"s", "t", "ref_src", "ref_url"}),
    ("tiktok.com",): frozenset({"_r", "_t", "is_from_webapp", "sender_device", "sender_web_id", "web_id"}),
    ("reddit.com",): frozenset({"share_id", "rdt"}),
    ("spotify.com",): frozenset({"si"}),
}

_YOUTUBE = ("youtube.com", "youtube-nocookie.com")
_YOUTUBE_WATCH = "https://www.youtube.com/watch?v={}"
# The sites, what path and query look like once tracking is gone, and one way to write the address. An id names a video
# whatever else a query says, but on sites where a query may name one of several pictures, or be a key.
_VIDEOS_OF_SITES = (
    (_YOUTUBE, r"/watch/?\?(?:(?!v=)[^&]*&)*v=([\w-]{11})(?:&(?!v=)[^&]*)*", _YOUTUBE_WATCH),
    # An embedded playlist and an embedded channel have names as long as an id.
    (_YOUTUBE, r"/(?:shorts|embed|live|v|e)/(?!videoseries|live_stream)([\w-]{11})/?(?:\?.*)?", _YOUTUBE_WATCH),
    (("youtu.be",), r"/([\w-]{11})/?(?:\?.*)?", _YOUTUBE_WATCH),
    (("tiktok.com",), r"/@[^/?]*/video/(\d+)/?(?:\?.*)?", "https://www.tiktok.com/@/video/{}"),
    (("x.com", "twitter.com"), r"/(?:i/web|[^/?]+)/status/(\d+)/?(?:\?.*)?", "https://x.com/i/status/{}"),
    (("instagram.com",), r"/(?:[^/?]+/)?(?:p|reels?|tv)/([\w-]+)/?", "https://www.instagram.com/p/{}/"),
    (("vimeo.com",), r"/(?:video/)?(\d+)/?", "https://vimeo.com/{}"),
    (("dailymotion.com",), r"/(?:embed/)?video/([a-z0-9]+)/?(?:\?.*)?", "https://www.dailymotion.com/video/{}"),
    (("dai.ly",), r"/([a-z0-9]+)/?(?:\?.*)?", "https://www.dailymotion.com/video/{}"),
)


def video_address(url: str) -> str:
    """Return one address for all that name the same video: two URLs that share it are of one video.

    Large sites have a way to write an address for each way to come by. Of any other site, all counts but parameters
    that are known to name no other video, since two videos taken for one is the worse mistake.

    Args:
        url: As `canonical_url` writes it.
    """
    address, hash_mark, fragment = url.partition("#")
    path, _, query = address.partition("?")
    parts = urlsplit(url)
    host = parts.hostname or ""
    known = {name for sites, names in _TRACKING_OF_SITES.items() if is_of(host, sites) for name in names} | _TRACKING
    kept = "&".join(part for part in query.split("&") if part and not _is_tracking(part, known=known))
    without_tracking = f"{path}?{kept}" if kept else path
    if hash_mark or parts.netloc != host:
        return without_tracking + hash_mark + fragment
    return _on_large_site(without_tracking, host=host) or without_tracking


def _on_large_site(address: str, *, host: str) -> str | None:
    """The address as its site writes it first; None where the site is not known, or what the address names."""
    path_and_query = address.partition("://")[2].partition("/")[2]
    for sites, pattern, written in _VIDEOS_OF_SITES:
        if is_of(host, sites) and (match := re.fullmatch(pattern, f"/{path_and_query}", re.ASCII)):
            return written.format(match[1])
    return None


def _is_tracking(part: str, *, known: set[str]) -> bool:
    name = unquote(part.partition("=")[0])
    return name in known or name.startswith(_TRACKING_PREFIX)
