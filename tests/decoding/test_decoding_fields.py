"""Video of fields: two of them are one picture, however a file holds them."""

from __future__ import annotations

from pathlib import Path

import pytest
from field_pictures import write_fields
from hypothesis import given, strategies as st
from made_media import make_video

from pique_assets.decoding.facts import VideoFacts
from pique_assets.decoding.nal_units import UnitBits, nal_units
from pique_assets.decoding.reading import read_media


def facts_of(path: Path) -> VideoFacts:
    facts = read_media(path, content_type="video").facts
    assert isinstance(facts, VideoFacts)
    return facts


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("name", ["a.ts", "a.mkv", "a.mp4", "a.h264"])
def test_two_fields_are_one_picture(tmp_path, name, together):
    facts = facts_of(write_fields(tmp_path / name, pictures=50, together=together))
    assert (facts.frames, facts.fps, facts.duration_sec) == (50, 25.0, pytest.approx(2.0, abs=0.001))
    assert (facts.width, facts.height) == (32, 32)


@pytest.mark.parametrize("name", ["a.ts", "a.mp4"])
@pytest.mark.parametrize("more", ["", ":cqm=jvt", ":bframes=0"])
def test_interlaced_pictures_in_one_piece_are_all_counted(tmp_path, name, more):
    options = {"preset": "fast", "x264-params": f"interlaced=1{more}"}
    facts = facts_of(make_video(tmp_path / name, count=50, encoder_options=options))
    assert (facts.frames, facts.fps) == (50, 25.0)


@given(st.binary(max_size=64))
def test_any_bytes_are_units_and_numbers_or_a_reason(data):
    for place in nal_units(data):
        bits = UnitBits(data[place:])
        with pytest.raises(ValueError, match=r"unit ends|too long"):
            while True:
                bits.number()
