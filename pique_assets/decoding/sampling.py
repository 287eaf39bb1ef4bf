"""Frames, stills, sound and subtitles, sampled in one pass over a file.

Belongs here: decoding with PyAV. Does not: counting what a player would show (`video`), levels of sound (`sound`).
"""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from pique_assets.decoding.containers import AUDIO_DEMUXERS, MAX_PIXELS, opened
from pique_assets.decoding.facts import MediaFacts, VideoFacts
from pique_assets.decoding.media import (
    FRAME_INTERVAL_SEC,
    FRAME_SIDE,
    LOOKED_AT_SEC,
    MOST_STILLS,
    SOUND_RATE,
    STILL_INTERVAL_SEC,
    STILL_SIDE,
    Frame,
    Media,
    Part,
    Sound,
    SubtitleCue,
    SubtitleTrack,
)
from pique_assets.decoding.video import picture_stream


def sampled(path: Path, *, facts: MediaFacts, parts: frozenset[Part]) -> Media:
    """The parts of the file at ``path`` that are asked for."""
    with opened(path, demuxers=AUDIO_DEMUXERS) as container:
        streams: list[Stream] = []
        frames = stills = None
        if isinstance(facts, VideoFacts) and parts & {Part.FRAMES, Part.STILLS}:
            stream = picture_stream(container)
            stream.codec_context.thread_count = 1
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
            streams.append(stream)
            frames = _Sampler(interval_s=FRAME_INTERVAL_SEC, side=FRAME_SIDE)
            stills = _Sampler(interval_s=max(STILL_INTERVAL_SEC, facts.duration_sec / MOST_STILLS), side=STILL_SIDE)
        samples: list[NDArray[np.int16]] = []
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SOUND_RATE)
        if Part.SOUND in parts and container.streams.audio:
            streams.append(container.streams.audio[0])
        subtitles = list(container.streams.subtitles) if Part.SUBTITLES in parts else []
        cues: dict[int, list[SubtitleCue]] = {stream.index: [] for stream in subtitles}
        start_s = None
        for packet in container.demux(*streams, *subtitles):
            if packet.stream.type == "subtitle":
                if packet.pts is not None and packet.size:
                    time_s = float(packet.pts * packet.time_base)
                    text = "\n".join(part for part in _texts(packet))
                    end_s = time_s + float((packet.duration or 0) * packet.time_base)
                    cues[packet.stream.index].append(SubtitleCue(start_s=time_s, end_s=end_s, text=text))
                continue
            try:
                decoded = packet.decode()
            except (av.FFmpegError, OSError, ValueError):
                continue
            for frame in decoded:
                if isinstance(frame, VideoFrame):
                    assert frames is not None and stills is not None
                    start_s = frame.time if start_s is None else start_s
                    time_s = (frame.time or 0.0) - (start_s or 0.0)
                    if time_s < LOOKED_AT_SEC:
                        frames.add(frame, time_s=time_s)
                        stills.add(frame, time_s=time_s)
                elif isinstance(frame, AudioFrame) and sum(map(len, samples)) < LOOKED_AT_SEC * SOUND_RATE:
                    samples += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
        tracks = tuple(
            SubtitleTrack(
                codec=stream.codec_context.name,
                language=stream.language,
                is_forced=bool(stream.disposition & av.stream.Disposition.forced),
                cues=tuple(cues[stream.index]),
            )
            for stream in subtitles
        )
    return Media(
        facts=facts,
        frames=tuple(frames.taken) if frames else (),
        stills=tuple(stills.taken) if stills else (),
        sound=Sound(samples=np.concatenate(samples)) if samples else None,
        subtitle_tracks=tracks,
    )


def _texts(packet: Packet[Stream]) -> list[str]:
    found = []
    for subtitle in packet.decode():
        for rect in subtitle if hasattr(subtitle, "__iter__") else [subtitle]:
            words = getattr(rect, "dialogue", b"") or getattr(rect, "text", b"")
            found.append(words.decode(errors="replace") if isinstance(words, bytes) else str(words))
    return found


class _Sampler:
    """Takes the first frame at or after each moment."""

    def __init__(self, *, interval_s: float, side: int) -> None:
        self.taken: list[Frame] = []
        self._interval_s = interval_s
        self._side = side

    def add(self, frame: VideoFrame, *, time_s: float) -> None:
        if time_s < len(self.taken) * self._interval_s - 1e-6:
            return
        scale = min(1.0, self._side / max(frame.width, frame.height))
        small = frame.reformat(
            width=max(1, round(frame.width * scale)), height=max(1, round(frame.height * scale)), format="gray"
        )
        gray = np.rot90(small.to_ndarray(), round(frame.rotation / 90) % 4)
        self.taken.append(Frame(time_s=round(time_s, 3), gray=np.ascontiguousarray(gray)))
