"""The clips on which the rules for captions were worked out.

Belongs here: one call a clip. Does not: clips for the test.
"""

from __future__ import annotations

from caption_clips import (
    DEVELOPMENT,
    Clip,
    Makers,
    always,
    cues_of,
    numbered,
    one_after_the_other,
    rolling,
    ticker,
    timecode,
    together,
)
from caption_texts import CREDITS, SENTENCES, SLIDES, TICKER, TITLES
from clip_rendering import FULL, TALL, Label, Track, film, plain

from pique_assets.decoding.media import SubtitleCue


def clips() -> list[Clip]:
    """All of them."""
    scenes = [film("moviepy", "bbb.mp4", start=start) for start in (24, 52, 78, 101, 130, 158, 186, 214)]
    make = Makers(DEVELOPMENT, scenes=scenes, fonts=("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif"))
    low, watermark = Label(text=""), make.text("@acme.studio", x=0.88, y=0.1, size=0.035)
    return [
        make.captioned("outline", "en", look=low, size=FULL, seconds=24.0),
        make.captioned("two-lines", "de", look=low, lines=2),
        make.captioned("yellow", "fr", look=Label(text="", fill="yellow", size=0.06)),
        make.captioned("box", "pl", look=Label(text="", style="box", size=0.045)),
        make.captioned("shadow-small", "en", look=Label(text="", style="shadow", size=0.038)),
        make.captioned("black", "en", look=Label(text="", fill="black", style="plain", size=0.06)),
        make.captioned("sparse", "fr", look=low, pause_s=4.0, seconds=30.0),
        make.captioned("watermarked", "en", look=low, extra=always(watermark)),
        make.captioned("tall", "de", look=Label(text="", y=0.75, size=0.032), size=TALL, lines=2),
        make.captioned("tall-words", "en", look=Label(text="", y=0.6, size=0.05), size=TALL, words=2),
        make.captioned("tall-upper", "en", look=Label(text="", y=0.7, size=0.045), size=TALL, words=2, upper=True),
        make.captioned("upper", "fr", look=Label(text="", size=0.05), upper=True),
        make.captioned("top", "en", look=Label(text="", y=0.1)),
        make.captioned("short", "en", look=low, seconds=6.0),
        make.captioned("plain", "en", look=low, scene=plain(30, 30, 40)),
        make.captioned(
            "plain-tall", "de", look=Label(text="", y=0.8, size=0.03), size=TALL, lines=2, scene=plain(90, 20, 40)
        ),
        make.captioned("small-video", "fr", look=low, size=(426, 240)),
        make.captioned("four-by-three", "de", look=low, size=(640, 480), lines=2),
        Makers(DEVELOPMENT, scenes=scenes, fonts=["DroidFallback"]).captioned("chinese", "zh", look=low),
        make.unreadable("ru", "DejaVuSans"),
        make.unreadable("ko", "DroidFallback"),
        make.soft("mov_text", ".mp4", "en"),
        make.soft("subrip", ".mkv", "de"),
        *(make.without(f"film-{number}") for number in range(4)),
        make.without("film-tall", size=TALL),
        make.without("trailer", scene=film("moviepy", "trailer_bbb.mp4"), seconds=30.0),
        make.without("credits-of-film", scene=film("moviepy", "bbb.mp4", start=488.0), seconds=30.0),
        make.without("watermark", always(watermark)),
        make.without("watermark-low", always(make.text("acme studio productions", y=0.95, size=0.04))),
        make.without("ticker", ticker(make.text(TICKER[DEVELOPMENT], y=0.96, size=0.045, style="box"))),
        make.without("timecode", numbered(make.text("", y=0.95, size=0.05, style="box"), timecode)),
        make.without(
            "lower-thirds",
            one_after_the_other(
                [
                    make.text(text.replace("|", "\n"), x=0.05, y=0.9, size=0.05, left=True, style="box")
                    for text in CREDITS[DEVELOPMENT]
                ],
                each_s=3.0,
                gap_s=1.0,
            ),
        ),
        make.without(
            "titles-on-black",
            one_after_the_other(
                [make.text(text, y=0.55, size=0.1) for text in TITLES[DEVELOPMENT]], each_s=2.5, gap_s=1
            ),
            scene=plain(),
        ),
        make.without(
            "titles-low",
            one_after_the_other(
                [make.text(text, y=0.85, size=0.1) for text in TITLES[DEVELOPMENT]], each_s=2, gap_s=2.5
            ),
        ),
        make.without(
            "credits-rolling",
            rolling(
                [
                    Label(text=text.replace("|", "   "), y=1.05 + 0.12 * number, size=0.045)
                    for number, text in enumerate(CREDITS[DEVELOPMENT] * 3)
                ]
            ),
            scene=plain(10, 10, 30),
        ),
        make.without(
            "credits-low",
            one_after_the_other(
                [Label(text=text.replace("|", "\n"), y=0.9, size=0.045) for text in CREDITS[DEVELOPMENT]],
                each_s=3.0,
                gap_s=0.5,
            ),
        ),
        make.without(
            "slides",
            lambda time_s: [
                Label(text=line, x=0.08, y=0.2 + 0.17 * row, size=0.08 if row == 0 else 0.055, left=True, style="plain")
                for row, line in enumerate(SLIDES[DEVELOPMENT][int(time_s // 9) % 2])
            ],
            scene=plain(20, 40, 90),
        ),
        make.without(
            "score",
            together(
                numbered(
                    Label(text="", x=0.5, y=0.12, size=0.05, style="box"),
                    lambda time_s: f"HOME {int(time_s / 7)} : {int(time_s / 11)} AWAY",
                ),
                always(watermark),
            ),
        ),
        make.without(
            "one-cue-track",
            tracks=(Track(codec="mov_text", cues=(SubtitleCue(start_s=0, end_s=4, text="Made with an editor"),)),),
        ),
        make.without(
            "forced-track",
            tracks=(
                Track(codec="mov_text", cues=tuple(cues_of(SENTENCES[DEVELOPMENT]["en"], seconds=18)), forced=True),
            ),
        ),
    ]
