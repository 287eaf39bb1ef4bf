"""The metric catalogue: every metric path seen in a partition, of which kinds, in which range, and what is known of it.

Belongs here: `metric_catalog`, a pure function of `detector_metrics`, and the known units and meanings: facts from
Pique's documented example payloads. Does not: guesses from a metric's name; `*_pct` is a percent in one detector and a
fraction in another, and a metric that is not listed flows through all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pique_assets.lake.schemas import build_table

CATALOGUED: Final = ("detector_name", "metric_path", "value_kind", "value_double", "value_int")
"""The columns of `detector_metrics` that the catalogue is computed from."""

_GROUP: Final = ("detector_name", "metric_path", "value_kind")


@dataclass(frozen=True, slots=True)
class KnownMetric:
    """Unit and meaning of one metric."""

    unit: str
    meaning: str


_SECONDS: Final = "s"
_PIXELS: Final = "px"
_COUNT: Final = "count"
_FRACTION: Final = "fraction (0 to 1)"
_PERCENT: Final = "percent (0 to 100)"
_LUMA: Final = "luma (0 to 255)"

KNOWN_METRICS: Final[Mapping[tuple[str, str], KnownMetric]] = {
    ("video_specs", "video_specs.width"): KnownMetric(_PIXELS, "Width of the video as shown."),
    ("video_specs", "video_specs.height"): KnownMetric(_PIXELS, "Height of the video as shown."),
    ("video_specs", "video_specs.fps"): KnownMetric("frames/s", "Average frame rate."),
    ("video_specs", "video_specs.duration_sec"): KnownMetric(_SECONDS, "Duration of the video."),
    ("video_specs", "video_specs.audio_sample_rate"): KnownMetric("Hz", "Sample rate of the audio."),
    ("video_specs", "issues_count"): KnownMetric(_COUNT, "Checks that failed."),
    ("video_specs", "total_checks"): KnownMetric(_COUNT, "Checks made."),
    ("image_specs", "image_metadata.width"): KnownMetric(_PIXELS, "Width of the image."),
    ("image_specs", "image_metadata.height"): KnownMetric(_PIXELS, "Height of the image."),
    ("image_specs", "image_metadata.megapixels"): KnownMetric("megapixels", "Pixels of the image."),
    ("image_specs", "checks.aspect_ratio.deviation"): KnownMetric("ratio", "Distance from the closest ratio."),
    ("lighting", "total_frames_analyzed"): KnownMetric(_COUNT, "Frames looked at."),
    ("lighting", "dark_frames_count"): KnownMetric(_COUNT, "Frames that are too dark."),
    ("lighting", "bright_frames_count"): KnownMetric(_COUNT, "Frames that are too bright."),
    ("lighting", "dark_frames_pct"): KnownMetric(_PERCENT, "Share of frames that are too dark."),
    ("lighting", "bright_frames_pct"): KnownMetric(_PERCENT, "Share of frames that are too bright."),
    ("lighting", "median_brightness"): KnownMetric(_LUMA, "Median brightness."),
    ("lighting", "mean_brightness"): KnownMetric(_LUMA, "Mean brightness."),
    ("lighting", "min_brightness"): KnownMetric(_LUMA, "Smallest brightness."),
    ("lighting", "max_brightness"): KnownMetric(_LUMA, "Largest brightness."),
    ("audio_noise", "snr.snr_db"): KnownMetric("dB", "Signal-to-noise ratio of the speech."),
    ("audio_noise", "snr.min_snr_db_threshold"): KnownMetric("dB", "Smallest accepted signal-to-noise ratio."),
    ("audio_noise", "snr.usable_noise_duration_sec"): KnownMetric(_SECONDS, "Audio the noise was measured on."),
    ("audio_noise", "music.overlap_pct"): KnownMetric(_FRACTION, "Share of speech with music under it."),
    ("audio_noise", "speech_segments_count"): KnownMetric(_COUNT, "Segments of speech."),
    ("audio_noise", "total_speech_duration_sec"): KnownMetric(_SECONDS, "Duration of speech."),
    ("logo", "logo_presence_pct"): KnownMetric(_FRACTION, "Share of the video in which the logo is seen."),
    ("framing", "num_flagged_frames"): KnownMetric(_COUNT, "Frames that are framed badly."),
    ("voice_over", "speech_duration_sec"): KnownMetric(_SECONDS, "Duration of speech."),
    ("voice_over", "on_camera_speech_duration_sec"): KnownMetric(_SECONDS, "Speech with the speaker in view."),
    ("voice_over", "on_camera_speech_ratio"): KnownMetric(_FRACTION, "Share of speech with the speaker in view."),
    ("voice_over", "face_presence_ratio"): KnownMetric(_FRACTION, "Share of frames with a face."),
    ("voice_over", "mouth_motion_ratio"): KnownMetric("ratio", "Motion of the mouth, as the detector measures it."),
    ("voice_over", "total_frames"): KnownMetric(_COUNT, "Frames looked at."),
    ("voice_over", "frames_with_face"): KnownMetric(_COUNT, "Frames with a face."),
    ("voice_over", "speech_frames"): KnownMetric(_COUNT, "Frames with speech."),
    ("sentiment", "desired_count"): KnownMetric(_COUNT, "Passages with the desired sentiment."),
    ("sentiment", "undesired_count"): KnownMetric(_COUNT, "Passages with the undesired sentiment."),
    ("sentiment", "prohibited_count"): KnownMetric(_COUNT, "Passages with prohibited content."),
    ("transcript_policy", "talking_points_count"): KnownMetric(_COUNT, "Talking points covered."),
    ("transcript_policy", "talking_points_total"): KnownMetric(_COUNT, "Talking points asked for."),
    ("transcript_policy", "language_to_avoid_count"): KnownMetric(_COUNT, "Phrases to avoid that were found."),
    ("transcript_policy", "language_to_avoid_total"): KnownMetric(_COUNT, "Phrases to avoid that were looked for."),
    ("video_matching", "blank_frames_detected"): KnownMetric(_COUNT, "Blank frames."),
    ("video_matching", "max_consecutive_blank_frames"): KnownMetric(_COUNT, "Longest run of blank frames."),
    ("video_matching", "combined_methods.score"): KnownMetric("score", "Match by all methods together."),
}
"""Keys are detector_name and metric_path as in `detector_metrics`."""


def metric_catalog(detector_metrics: pa.Table) -> pa.Table:
    """The `metric_catalog` table of one partition.

    `detector_metrics` needs the columns `CATALOGUED` alone.

    Ranges are of numbers only, as doubles (an integer beyond 2**53 is rounded; the rows have it exactly).
    The same path in two detectors is two metrics; two kinds at one path are two rows.
    """
    numbers = pc.coalesce(detector_metrics["value_double"], detector_metrics["value_int"].cast("double", safe=False))
    table = detector_metrics.select(list(_GROUP)).append_column("value", numbers)
    groups = table.group_by(list(_GROUP)).aggregate([([], "count_all"), ("value", "min"), ("value", "max")])
    return build_table("metric_catalog", (_row(group) for group in groups.to_pylist()))


def _row(group: dict[str, object]) -> dict[str, object]:
    detector, path, kind = (group[name] for name in _GROUP)
    known = KNOWN_METRICS.get((str(detector), str(path)))
    return {
        "detector_name": detector,
        "metric_path": path,
        "value_kind": kind,
        "n": group["count_all"],
        "value_min": group["value_min"],
        "value_max": group["value_max"],
        "unit": known.unit if known else None,
        "meaning": known.meaning if known else None,
    }
