"""Addresses from strangers: each that brings no video ends as a failed job that says why, and none leads inside."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import bait
import pytest
import video_site
from bait import Bait
from video_site import VideoSite, Visit

from pique_assets.local.addresses import Endpoint, endpoint_of, is_public, parse_endpoint
from pique_assets.local.record import read_record

CLIP = video_site.WING_BEAT.read_bytes()
MAX_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Host:
    site: VideoSite
    bait: Bait
    pique: object


@pytest.fixture(scope="module")
def host(start_pique, tmp_path_factory) -> Iterator[Host]:
    """A site that may be downloaded from, and on the same machine a bait that may not."""
    with (
        video_site.serving() as site,
        bait.listening() as laid,
        start_pique(
            tmp_path_factory.mktemp("hostile"),
            downloads=1,
            max_download_bytes=MAX_BYTES,
            social_allow_hosts=[site.endpoint],
        ) as pique,
    ):
        yield Host(site=site, bait=laid, pique=pique)


def outcome(pique, url: str) -> str:
    """The reason why the job for this URL failed."""
    (reason,) = outcomes(pique, url)
    return reason


def outcomes(pique, *urls: str) -> list[str]:
    """The reasons why the jobs of one batch failed."""
    order = {"judge_id": "judge_videos", "video_urls": list(urls)}
    answer = pique.http.post("/v1/evaluations/social-media", json=order)
    assert answer.status_code == 202, answer.text
    reasons = []
    for job in answer.json()["jobs"]:
        result = pique.wait_for(job["job_id"])
        assert result["event"] == "evaluation.failed"
        (record,) = (record for record in read_record(pique.process.data_dir) if record.job_id == job["job_id"])
        # What never came was never evaluated, and what came was evaluated once.
        assert len(record.evaluations) == (record.content_sha256 is not None)
        reasons.append(result["error"])
    return reasons


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (401, "private, or is not there (HTTP 401)"),
        (403, "as hosts do with bots (HTTP 403)"),
        (404, "private, or is not there (HTTP 404)"),
        (410, "private, or is not there (HTTP 410)"),
        (429, "as hosts do with bots (HTTP 429)"),
        (500, "HTTP 500"),
        (503, "HTTP 503"),
    ],
)
def test_a_host_that_refuses(host, status, why):
    assert why in outcome(host.pique, host.site.page(f"/status-{status}", "<html>sorry</html>", status=status))


def test_a_bot_check_in_front_of_the_video(host):
    def respond(visit: Visit) -> None:
        visit.send(b"<html>Just a moment</html>", status=403, Content_Type="text/html", cf_mitigated="challenge")

    assert "as hosts do with bots" in outcome(host.pique, host.site.on("/challenge", respond))


def test_a_page_of_text(host):
    assert "no video at this address" in outcome(host.pique, host.site.page("/html", "<html>Hello</html>"))


@pytest.mark.parametrize("media_type", ["text/plain", "application/json", "video/mp4"])
def test_what_only_claims_to_be_a_video(host, media_type):
    url = host.site.file(f"/words.{media_type[-3:]}", b"words " * 100, media_type=media_type)
    assert "not media of a supported format" in outcome(host.pique, url)


def test_an_image(host, image_maker):
    url = host.site.file("/image.png", image_maker(), media_type="image/png")
    assert "not media of a supported format" in outcome(host.pique, url)


def test_a_sound_without_a_picture(host, sound_maker, tmp_path):
    url = host.site.file("/sound.m4a", sound_maker(tmp_path / "a.m4a").read_bytes(), media_type="audio/mp4")
    assert "no video stream" in outcome(host.pique, url)


def test_an_empty_answer(host):
    assert outcome(host.pique, host.site.file("/empty.mp4", b""))


def test_a_video_announced_as_too_large_is_not_fetched(host):
    sent = []

    def respond(visit: Visit) -> None:
        visit.begin(length=10**12, Content_Type="video/mp4")
        for _ in range(10_000):
            visit.write(b"x" * 100_000)
            sent.append(100_000)

    assert "1000000000000 bytes, more than the 1000000" in outcome(host.pique, host.site.on("/huge.mp4", respond))
    assert sum(sent) < 100_000_000


def test_a_video_that_never_says_how_large_it_is(host):
    def respond(visit: Visit) -> None:
        visit.begin(Content_Type="video/mp4")
        while not visit.ending.is_set():
            visit.write(b"x" * 100_000)

    assert "larger than what is accepted" in outcome(host.pique, host.site.on("/endless.mp4", respond))


def test_a_video_that_unpacks_to_too_much(host):
    packed = gzip.compress(b"\0" * 5_000_000)

    def respond(visit: Visit) -> None:
        visit.send(packed, Content_Type="video/mp4", Content_Encoding="gzip")

    assert outcome(host.pique, host.site.on("/packed.mp4", respond))


def test_a_video_that_breaks_off(host):
    def respond(visit: Visit) -> None:
        visit.send(CLIP[:2000], announced=len(CLIP), Content_Type="video/mp4")

    assert "in the middle" in outcome(host.pique, host.site.on("/cut.mp4", respond))


def test_redirects_in_circles(host):
    host.site.redirect("/circle", "/circle-2")
    assert "redirects in circles" in outcome(host.pique, host.site.redirect("/circle-2", "/circle"))


def test_redirects_without_end(host):
    for number in range(40):
        host.site.redirect(f"/step-{number}", f"/step-{number + 1}")
    assert "redirect" in outcome(host.pique, host.site.url("/step-0"))


def test_a_redirect_to_a_login_page(host):
    host.site.page("/login", "<html>Please log in</html>", status=401)
    assert "private" in outcome(host.pique, host.site.redirect("/members-only", "/login"))


def test_several_videos_on_one_page(host):
    for number in range(2):
        host.site.file(f"/one-of-two-{number}.mp4", CLIP)
    url = host.site.page(
        "/two", "<html><video src='/one-of-two-0.mp4'></video><video src='/one-of-two-1.mp4'></video></html>"
    )
    assert "several videos" in outcome(host.pique, url)
    assert host.site.count("/one-of-two-0.mp4") == 0


def test_a_broadcast_that_goes_on(host):
    lines = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:5,\nlive-7.ts\n"
    url = host.site.file("/live.m3u8", lines.encode(), media_type="application/x-mpegurl")
    assert "live broadcast" in outcome(host.pique, url)


def inside(laid: Bait) -> dict[str, str]:
    """Names and spellings of an address of this machine."""
    return {
        "the address": f"http://127.0.0.1:{laid.port}/v.mp4",
        "a name for it": f"http://localhost:{laid.port}/v.mp4",
        "another spelling": f"http://127.1:{laid.port}/v.mp4",
        "in hexadecimal": f"http://0x7f000001:{laid.port}/v.mp4",
        "as one number": f"http://2130706433:{laid.port}/v.mp4",
        "any address": f"http://0.0.0.0:{laid.port}/v.mp4",
        "its sixth version": f"http://[::1]:{laid.port}/v.mp4",
        "mapped": f"http://[::ffff:127.0.0.1]:{laid.port}/v.mp4",
        "encrypted": f"https://127.0.0.1:{laid.port}/v.mp4",
        "with a user": f"http://user:password@127.0.0.1:{laid.port}/v.mp4",
        "a file": "file:///etc/passwd",
        "another protocol": f"ftp://127.0.0.1:{laid.port}/v.mp4",
    }


WAYS = {
    "redirected": lambda site, target, path: site.redirect(path, target),
    "shown on a page": lambda site, target, path: site.page(path, f"<html><video src='{target}'></video></html>"),
    "named by a page": lambda site, target, path: site.page(
        path, f"<html><head><meta property='og:video' content='{target}'></head></html>"
    ),
    "refreshed to": lambda site, target, path: site.page(
        path, f"<html><head><meta http-equiv='refresh' content='0; url={target}'></head></html>"
    ),
    "a playlist's segment": lambda site, target, path: site.file(
        f"{path}.m3u8",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{target}\n#EXT-X-ENDLIST\n".encode(),
        media_type="application/x-mpegurl",
    ),
    "a playlist's key": lambda site, target, path: site.file(
        f"{path}.m3u8",
        f'#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n'
        "#EXTINF:5,\nx.ts\n#EXT-X-ENDLIST\n".encode(),
        media_type="application/x-mpegurl",
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_leads_inside(host, way):
    spellings = inside(host.bait)
    targets = [spellings[name] for name in ("the address", "a name for it", "encrypted", "a file", "another protocol")]
    name = "-".join(way.split())
    urls = [WAYS[way](host.site, target, f"/{name}-{number}") for number, target in enumerate(targets)]
    assert all(outcomes(host.pique, *urls))
    assert {url.removeprefix(host.site.url("")) for url in urls} <= set(host.site.visits)
    assert host.bait.connections == []


def test_nothing_inside_is_asked_for_directly_or_after_a_redirect(host):
    targets = [target for target in inside(host.bait).values() if target.startswith("http")]
    redirects = [host.site.redirect(f"/inside-{number}", target) for number, target in enumerate(targets)]
    assert [reason for reason in outcomes(host.pique, *targets) if "not a public address" not in reason] == []
    # A user's name in an address becomes part of the host's after a redirect.
    whys = ("not a public address", "no host of this name")
    assert [reason for reason in outcomes(host.pique, *redirects) if not any(why in reason for why in whys)] == []
    assert host.bait.connections == []


def test_a_silent_host_and_one_that_trickles_are_given_up(start_pique, tmp_path):
    def silent(visit: Visit) -> None:
        visit.ending.wait(60)

    def trickling(visit: Visit) -> None:
        visit.begin(length=len(CLIP), Content_Type="video/mp4")
        for byte in CLIP:
            visit.write(bytes([byte]))
            if visit.ending.wait(0.1):
                return

    with (
        video_site.serving({"/silent.mp4": silent, "/trickling.mp4": trickling}) as site,
        start_pique(tmp_path, downloads=2, download_deadline_s=3, social_allow_hosts=[site.endpoint]) as pique,
    ):
        silence, trickle = outcomes(pique, site.url("/silent.mp4"), site.url("/trickling.mp4"))
        assert "did not answer in time" in silence or "did not finish within 3 s" in silence
        assert "did not finish within 3 s" in trickle
        assert outcome(pique, site.url("/not-there"))


def test_nothing_of_the_users_is_used(start_pique, tmp_path, monkeypatch):
    """No proxy, no program, no settings, no plugin, no password of whoever runs the server."""
    home, marks = tmp_path / "home", tmp_path / "marks"
    marks.mkdir()
    for program in ("ffmpeg", "ffprobe", "deno", "node"):
        path = home / "bin" / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {marks / program}\n")
        path.chmod(0o755)
    plugin = home / ".config" / "yt-dlp" / "plugins" / "own" / "yt_dlp_plugins" / "extractor" / "own.py"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(f"open({str(marks / 'plugin')!r}, 'w').close()\n")
    (home / ".config" / "yt-dlp" / "config").write_text(f"--exec 'touch {marks / 'settings'}'\n")
    (home / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    asked = []

    def respond(visit: Visit) -> None:
        asked.append(dict(visit.handler.headers))
        visit.send(CLIP, Content_Type="video/mp4", Set_Cookie="who=me")

    with bait.listening() as laid, video_site.serving({"/v.mp4": respond}) as site:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, laid.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("PATH", str(home / "bin"))
        with start_pique(tmp_path / "pique", downloads=1, social_allow_hosts=[site.endpoint]) as pique:
            for _ in range(2):
                order = {"judge_id": "judge_videos", "video_urls": [site.url("/v.mp4")]}
                job = pique.http.post("/v1/evaluations/social-media", json=order).json()["jobs"][0]
                assert pique.wait_for(job["job_id"])["status"] == "completed"
        assert laid.connections == []
    assert list(marks.iterdir()) == []
    # A cookie of one download is not shown to the next; within one it is, as in a browser.
    assert [("Cookie" in headers, "Authorization" in headers) for headers in asked[::2]] == [(False, False)] * 2
    assert list((tmp_path / "pique" / "downloading").iterdir()) == []


GUARDED = """
import asyncio, json, socket, subprocess, sys, urllib.request
from pique_assets.local.network_guard import NetworkGuard, NotAllowed

port = int(sys.argv[1])
guard = NetworkGuard(allowed=[])
guard.install()

def rebinding():
    # A name that was public when somebody looked, and is not when it is used.
    answers = iter(["93.184.216.34", "127.0.0.1"])
    real = socket.getaddrinfo
    def resolve(host, *rest, **more):
        return real(next(answers) if host == "rebinding.example" else host, *rest, **more)
    socket.getaddrinfo = resolve
    socket.getaddrinfo("rebinding.example", port)
    urllib.request.urlopen(f"http://rebinding.example:{port}/", timeout=5)

async def unblocked():
    loop = asyncio.get_running_loop()
    with socket.socket() as one:
        one.setblocking(False)
        await loop.sock_connect(one, ("127.0.0.1", port))

def datagram():
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        one.sendto(b"x", ("127.0.0.1", port))

def message():
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        one.sendmsg([b"x"], [], 0, ("127.0.0.1", port))

attempts = {
    "connect": lambda: socket.socket().connect(("127.0.0.1", port)),
    "connect_ex": lambda: socket.socket().connect_ex(("127.0.0.1", port)),
    "by name": lambda: socket.socket().connect(("localhost", port)),
    "created": lambda: socket.create_connection(("localhost", port)),
    "sixth version": lambda: socket.socket(socket.AF_INET6).connect(("::ffff:127.0.0.1", port)),
    "local socket": lambda: socket.socket(socket.AF_UNIX).connect("/tmp/x"),
    "url": lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/"),
    "file": lambda: urllib.request.urlopen("file:///etc/passwd"),
    "bind": lambda: socket.socket().bind(("127.0.0.1", 0)),
    "program": lambda: subprocess.run([sys.executable, "-c", ""]),
    "rebinding": rebinding,
    "unblocked": lambda: asyncio.run(unblocked()),
    "datagram": datagram,
    "message": message,
}
ends = {}
for name, attempt in attempts.items():
    try:
        attempt()
    except OSError as error:
        ends[name] = str(error)
    else:
        ends[name] = "done"
print(json.dumps(ends))
"""


def test_the_guard_refuses_every_way_to_speak_to_this_machine():
    with bait.listening() as laid:
        ended = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", GUARDED, str(laid.port)],
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
    ends = json.loads(ended.stdout)
    assert len(ends) == 14
    assert "out of reach" in ends.pop("program")
    whys = ("not a public address", "a socket of this machine", "not supported", "called back")
    assert [end for end in ends.items() if not any(why in end[1] for why in whys)] == []
    assert laid.connections == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "2002:7f00:1::",
        "2001:db8::1",
        "localhost",
        "",
    ],
)
def test_what_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_what_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "text", ["", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "1.1.1.1:65536", "::1:80"]
)
def test_what_is_no_endpoint(text):
    with pytest.raises(ValueError, match="address and a port"):
        parse_endpoint(text)


@pytest.mark.parametrize("host", ["localhost:80", "example.com:443", "127.0.0.1"])
def test_only_an_address_with_a_port_can_be_allowed(tmp_path, host):
    command = [sys.executable, "-m", "pique_assets.local", "--data-dir", str(tmp_path), "--social-allow-host", host]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (ended.returncode, "is not an address and a port" in ended.stderr) == (2, True)


def test_an_endpoint_is_read_and_written():
    assert parse_endpoint("127.0.0.1:80") == Endpoint(address="127.0.0.1", port=80)
    assert str(parse_endpoint("[0:0::1]:80")) == "[::1]:80"
    assert endpoint_of("https://[::1]/") == Endpoint(address="::1", port=443)
    assert endpoint_of("https://example.com/") is None
