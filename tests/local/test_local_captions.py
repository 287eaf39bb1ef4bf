"""Rules that tell captions from other text, over lines as they are read; subtitle tracks over cues."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from pique_assets.decoding.media import SubtitleCue, SubtitleTrack
from pique_assets.local.detectors.caption_words import is_garbled, is_number, is_sentence
from pique_assets.local.detectors.captions import FoundText, NotACaption, found_text
from pique_assets.local.detectors.soft_subtitles import coverage_of, judged
from pique_assets.local.detectors.text_in_pictures import TextLine, TextSeen, rows_of

SAID = ("Where are the keys?", "I thought you had them,", "so nobody looked for them.", "Then we wait right here.")
TITLES = ("THIS SUMMER", "ONE HERO", "RISES")
STEP_S = 1.5


def line(text: str | None, *, y: float = 0.93, x: float = 0.5, height: float = 0.06, confidence: float = 0.98):
    half = len(text or "x" * 12) * height / 8
    return TextLine(
        left=x - half,
        right=x + half,
        top=y - height,
        bottom=y,
        text=text,
        confidence=0.0 if text is None else confidence,
    )


def stills(*contents: list[TextLine], card: bool = False) -> list[TextSeen]:
    return [
        TextSeen(time_s=number * STEP_S, lines=tuple(sorted(lines, key=lambda one: one.top)), is_card=card)
        for number, lines in enumerate(contents)
    ]


def found(seen: list[TextSeen], *, aspect_ratio: float = 16 / 9) -> FoundText:
    return found_text(seen, aspect_ratio=aspect_ratio, end_s=len(seen) * STEP_S)


def reasons(text: FoundText) -> set[NotACaption]:
    return {one.reason for one in text.rejected}


def spoken(*texts: str, **place: float) -> list[TextSeen]:
    return stills(*([line(text, **place)] for text in texts))


def page(number: int) -> list[TextLine]:
    return [line(None, y=0.1 * row, x=0.2 + 0.2 * (number % 2)) for row in range(1, 8)]


def test_sentences_in_turn_at_one_place_are_captions():
    seen = stills(*([line(text)] for text in SAID for _ in range(2)), [])
    cues = found(seen).cues
    assert [(cue.start_s, cue.end_s, cue.text) for cue in cues] == [
        (3.0 * number, 3.0 * number + 3.0, text) for number, text in enumerate(SAID)
    ]


def test_a_caption_in_two_lines_is_one_cue():
    lines = [line("Where did you leave", y=0.86), line("the keys this morning?", y=0.93)]
    seen = stills(lines, *([line(text)] for text in SAID[1:]))
    assert found(seen).cues[0].text == "Where did you leave\nthe keys this morning?"


def test_a_watermark_beside_captions_is_told_apart():
    mark = line("acme studio", y=0.1, x=0.85, height=0.04)
    text = found(stills(*([line(said), mark] for said in SAID)))
    assert [cue.text for cue in text.cues] == list(SAID)
    assert [(one.text, one.reason) for one in text.rejected] == [("acme studio", NotACaption.STAYS)]


def test_in_an_upright_picture_captions_stand_in_the_middle_and_come_word_by_word():
    seen = spoken("WHERE", "DID YOU", "LEAVE THE", "KEYS", "THIS", "MORNING", "I", "THOUGHT", y=0.55)
    assert len(found(seen, aspect_ratio=9 / 16).cues) == 8
    assert reasons(found(seen)) == {NotACaption.MIDDLE}


def test_sentences_at_the_foot_of_a_plain_picture_are_captions():
    plain = stills(*([line(text)] for text in SAID), card=True)
    assert len(found(plain).cues) == 4
    in_the_middle = stills(*([line(text, y=0.5)] for text in SAID), card=True)
    assert reasons(found(in_the_middle, aspect_ratio=9 / 16)) == {NotACaption.CARDS}


def test_two_cues_are_enough_for_a_short_video():
    assert len(found(spoken(*SAID[:2], *SAID[:1])).cues) == 3
    assert found([*spoken(*SAID[:2]), *stills(*([],) * 8)]).cues == ()


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (spoken(*["preview copy, not for resale"] * 8), NotACaption.STAYS),
        (spoken(*(f"01:00:0{second}:12" for second in range(8))), NotACaption.NUMBERS),
        (spoken(*(f"HAR {goals} : 0 BAY" for goals in range(8))), NotACaption.STAYS),
        (spoken(*SAID, *SAID, x=0.25), NotACaption.BESIDE),
        (spoken(*SAID, *SAID, y=0.5), NotACaption.MIDDLE),
        (
            stills(*([line(text)] for text in ("The last harbour", "From May", "In cinemas")), card=True),
            NotACaption.CARDS,
        ),
        (stills(*([line(text, confidence=0.5)] for text in SAID), card=True), NotACaption.CARDS),
        (spoken("Directed by Ann Lee", "Music by Bo Dahl", "Casting Eva Roth", "Sound Tom Ray"), NotACaption.NAMES),
        (stills(*(item for text in TITLES for item in ([line(text)], [], []))), NotACaption.NAMES),
        (stills([line(SAID[0])], [line(SAID[1])], *([],) * 10), NotACaption.FEW),
        (stills(*([replace(line(text), left=0.0, right=1.0)] for text in SAID)), NotACaption.MOVES),
        (
            stills(
                *([line(text, y=0.95 - 0.1 * (still - row)) for row, text in enumerate(SAID)] for still in range(6))
            ),
            NotACaption.MOVES,
        ),
        (
            stills(*([line(text), *page(number)] for number, text in enumerate(SAID))),
            NotACaption.PAGE,
        ),
    ],
)
def test_other_text_is_no_caption_and_the_reason_is_said(seen, reason):
    text = found(seen)
    assert text.cues == ()
    assert reason in reasons(text)


@pytest.mark.parametrize("noise", [",  ?", "00 000 000 000", "nnx nTv nyT x7", "Δεν ξΕρω τι να πω"])  # noqa: RUF001
def test_what_can_not_be_read_is_never_taken_for_words(noise):
    texts = [noise + " " * number for number in range(5)]
    confidence = 0.7 if "nnx" in noise else 0.93
    seen = stills(
        *(
            [replace(line(text, confidence=confidence), left=0.3 - n / 50, right=0.7 + n / 50)]
            for n, text in enumerate(texts)
        )
    )
    text = found(seen)
    assert text.cues == ()
    assert text.unreadable_s or NotACaption.STAYS in reasons(text)


def test_numbers_sentences_and_noise():
    assert is_number("01:00:12:05") and not is_number("In 2026 we moved") and not is_number("00 000 0000")
    assert is_garbled(" , ?") and is_garbled("000710 0 00000") and not is_garbled("10:42")
    assert is_sentence("Wo bist du?") and is_sentence("nowhere near") and is_sentence("我今天很好")
    assert not is_sentence("Jonas Albrecht") and not is_sentence("THIS SUMMER")


LINES = st.builds(
    line,
    st.one_of(st.none(), st.text(max_size=30), st.sampled_from(SAID)),
    y=st.floats(0.1, 1.0),
    x=st.sampled_from([0.5, 0.48, 0.2, 0.8]),
    height=st.sampled_from([0.03, 0.06, 0.09]),
    confidence=st.floats(0, 1),
)


@given(st.lists(st.lists(LINES, max_size=4), max_size=8), st.sampled_from([16 / 9, 1.0, 9 / 16]))
def test_whatever_is_read_cues_are_of_it_and_in_their_time(contents, aspect_ratio):
    seen = stills(*contents)
    text = found(seen, aspect_ratio=aspect_ratio)
    assert text == found(seen, aspect_ratio=aspect_ratio)
    read = {one.text for lines in contents for one in lines}
    assert [cue.start_s for cue in text.cues] == sorted(cue.start_s for cue in text.cues)
    for cue in text.cues:
        assert 0 <= cue.start_s < cue.end_s <= max(len(seen) * STEP_S, STEP_S)
        assert set(cue.text.split("\n")) <= {part for one in read if one is not None for part in one.split("\n")}


@given(st.sampled_from(SAID), st.integers(6, 20), st.sampled_from([16 / 9, 9 / 16]))
def test_what_never_changes_is_never_a_caption(said, count, aspect_ratio):
    assert found(spoken(*[said] * count), aspect_ratio=aspect_ratio).cues == ()


def test_the_words_of_one_line_are_one_row():
    words = [TextLine(left=0.2 + n / 10, right=0.28 + n / 10, top=0.9, bottom=0.95) for n in range(3)]
    below = TextLine(left=0.2, right=0.5, top=0.96, bottom=0.99)
    assert rows_of([below, *reversed(words)]) == [replace(words[0], right=words[2].right), below]


def track(*cues: tuple[float, float, str], forced: bool = False, language: str | None = "eng") -> SubtitleTrack:
    return SubtitleTrack(
        codec="mov_text",
        language=language,
        is_forced=forced,
        cues=tuple(SubtitleCue(start_s=start, end_s=end, text=text) for start, end, text in cues),
    )


TOLD = tuple((2.0 * number, 2.0 * number + 1.5, text) for number, text in enumerate(SAID))


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (track(), "it shows nothing while there is a picture"),
        (
            track(*((start, end, " \u00a0\u200b") for start, end, _ in TOLD)),
            "it shows nothing while there is a picture",
        ),
        (
            track(*((start, end, "<i> </i>{\\an8}") for start, end, _ in TOLD)),
            "it shows nothing while there is a picture",
        ),
        (
            track(*((start + 30, end + 30, text) for start, end, text in TOLD)),
            "it shows nothing while there is a picture",
        ),
        (track(*((start, start, text) for start, _, text in TOLD)), "it shows nothing while there is a picture"),
        (track(TOLD[0]), "it has 1 different cue, wanted at least 3"),
        (track(*((start, end, "acme.example") for start, end, _ in TOLD)), "it has 1 different cue, wanted at least 3"),
        (
            track(
                *((n, n + 1, text) for n, text in enumerate(["[Music]", "(laughs)", "ANNA: [sighs]", "\u266a \u266a"]))
            ),
            "it has no words that are said, only numbers or descriptions of sounds",
        ),
        (
            track(*((n, n + 1, f"{n} \u3010\u97f3\u697d{n}\u3011") for n in range(5))),
            "it has no words that are said, only numbers or descriptions of sounds",
        ),
        (
            # As drones write it.
            track(*((n, n + 1, f"SrtCnt : {n}\n[iso: 10{n}] GPS: 48.{n}, 11.{n} H: {n}m") for n in range(5))),
            "it has 1 different cue, wanted at least 3",
        ),
        (
            track(*TOLD, forced=True),
            "it is a forced track, which holds only what even viewers without subtitles must see",
        ),
    ],
)
def test_a_track_that_is_no_subtitles_says_why(one, reason):
    assert judged(one, end_s=10.0, least_cues=3).reason_against == reason


def test_a_track_counts_with_its_coverage_and_its_text_without_markup():
    found_track = judged(track(*TOLD, (9.0, 14.0, "<b>Bye</b>{\\an8}\\Nnow"), language="und"), end_s=10.0, least_cues=3)
    assert (found_track.reason_against, found_track.coverage, found_track.language) == (None, 0.7, None)
    assert (found_track.cues[-1].text, found_track.cues[-1].end_s) == ("Bye\nnow", 10.0)


def test_a_track_with_sounds_among_its_words_counts():
    sounds = [(8.0, 8.5, "[Music]"), (8.5, 9.0, "(laughs)")]
    found_track = judged(track(*TOLD, *sounds), end_s=10.0, least_cues=3)
    assert (found_track.reason_against, len(found_track.cues)) == (None, len(TOLD) + 2)


def test_a_track_of_pictures_is_unclear():
    pictures = replace(track(), codec="hdmv_pgs_subtitle", cues=None)
    assert judged(pictures, end_s=10.0, least_cues=3).is_unclear


SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10)).map(lambda one: (one[0], one[0] + one[1])))


@given(SPANS)
def test_coverage_counts_each_second_once(spans):
    shown = {second for start, end in spans for second in range(start, end)}
    assert coverage_of(spans, [(0, 60)]) == round(len(shown) / 60, 4)
    assert coverage_of(spans, []) == 0
