"""The tables computed from payloads alone: evaluations, detector results, metrics, flagged moments.

Belongs here: their declarations. How rows are made is `normalise`; what is derived from them is in
`record_tables`.
"""

from __future__ import annotations

from typing import Final

from pique_assets.lake.columns import TableSpec, boolean, instant, integer, number, raw_bytes, text

_JOB = text("job_id", "Pique's id of the job.", required=True)
_INDEX = integer("detector_index", "Place of the detector result in the payload's list, from 0.", required=True)
_SHA256 = text("payload_sha256", "SHA-256 (hex) of the payload this row was read from.", required=True)
_DETECTOR = text("detector_name", "Name of the detector, as sent; an open set.")

PAYLOADS: Final = TableSpec(
    name="payloads",
    doc="Every answer of Pique about the partition's jobs, as received.",
    key=("job_id", "received_at", "source", "payload_sha256"),
    columns=(
        _JOB,
        text("source", "How it reached us: polled or webhook.", required=True),
        instant("received_at", "When it reached us (UTC).", required=True),
        _SHA256,
        raw_bytes("body", "The bytes as received."),
    ),
)

EVALUATIONS: Final = TableSpec(
    name="evaluations",
    doc="One row per finished job: its outcome and overall score, as sent.",
    key=("job_id",),
    columns=(
        _JOB,
        text("evaluation_id", "Pique's id of the evaluation (direct webhooks name it)."),
        text("batch_id", "Pique's id of the social-media batch (social webhooks name it)."),
        text("content_id", "Pique's id of the content record."),
        text("judge_id", "Pique's id of the judge, where the payload names it."),
        text("url", "Address of the social-media video, where the payload names it."),
        text("event", "Event as sent, e.g. evaluation.completed; webhooks may lack it."),
        text("status", "Status as sent (completed, failed, ...), or `unreadable`.", required=True),
        number("overall_score", "Overall score as sent, scale as in overall_score_scale; never recomputed."),
        text(
            "overall_score_scale",
            "Detected, never applied: unit (0 to 1), percent (0 to 100) or unknown; null without a score.",
        ),
        integer("detectors", "Number of detector results in the payload; null when it has no list of them."),
        integer("detectors_passed", "Detector results whose pass_check is true."),
        integer("detectors_failed", "Detector results whose pass_check is false."),
        integer("detectors_undecided", "Detector results without a true or false pass_check."),
        text("error", "Why the evaluation failed, as sent; for `unreadable`, what is wrong with the payload."),
        instant("finished_at", "When Pique says the evaluation finished (UTC)."),
        text("source", "How the payload reached us: polled or webhook.", required=True),
        instant("received_at", "When the payload reached us (UTC).", required=True),
        _SHA256,
        text("other_fields", "JSON object of fields with no column or a value no column can hold; else null."),
    ),
)

DETECTOR_RESULTS: Final = TableSpec(
    name="detector_results",
    doc="One row per detector of a finished job: verdict, score, reasons.",
    key=("job_id", "detector_index"),
    columns=(
        _JOB,
        _INDEX,
        text("detector_config_id", "Id of the judge's detector config (webhooks call it criterion_id)."),
        _DETECTOR,
        boolean("pass_check", "The detector's verdict; not derivable from its score. Null: undecided."),
        number("score", "Score as sent; usually 0 to 1."),
        number("weight", "Weight as sent, where the payload names one."),
        text("rationale", "The detector's explanation, as sent."),
        integer("metric_count", "Rows of this result in detector_metrics; null when it has no metrics."),
        integer("timestamp_count", "Length of `timestamps`; null when absent."),
        integer("flagged_frame_count", "Length of `flagged_frames`; null when absent."),
        _SHA256,
        text(
            "other_fields",
            "JSON object of fields with no column or a value no column can hold; "
            "the JSON of the whole result where that is not an object; else null.",
        ),
    ),
)

DETECTOR_METRICS: Final = TableSpec(
    name="detector_metrics",
    doc="One row per value in a detector's metrics, long; the metrics object can be rebuilt from it.",
    key=("job_id", "detector_index", "metric_path"),
    columns=(
        _JOB,
        _INDEX,
        _DETECTOR,
        text(
            "metric_path",
            "Keys joined with dots; `\\.` is a dot in a key, `\\\\` a backslash, `\\e` an empty key; "
            "the empty path is the metrics value itself.",
            required=True,
        ),
        text("value_kind", "float, int, bool, string, null, list, or object (an empty one).", required=True),
        number("value_double", "The value of kind float; its unit is in metric_catalog where known."),
        integer("value_int", "The value of kind int where 64 bits hold it; its unit as above."),
        boolean("value_bool", "The value of kind bool."),
        text("value_string", "The value of kind string where UTF-8 can hold it."),
        text("value_json", "JSON of a list, of an int beyond 64 bits, or of a string UTF-8 cannot hold."),
        integer("list_length", "Number of elements of a list. Lists are samples: not the detector's own count."),
        _SHA256,
    ),
)

FLAGGED_MOMENTS: Final = TableSpec(
    name="flagged_moments",
    doc="One row per entry of a detector's `timestamps` and `flagged_frames`.",
    key=("job_id", "detector_index", "moment_kind", "moment_index"),
    columns=(
        _JOB,
        _INDEX,
        _DETECTOR,
        text("moment_kind", "timestamp or frame; what it marks depends on the detector.", required=True),
        integer("moment_index", "Place in its list, from 0.", required=True),
        number("at_s", "Seconds from the start of the content; null where the entry does not say."),
        text("value_json", "The entry's exact JSON, unless at_s already says all of it."),
        _SHA256,
    ),
)

RESULT_TABLES: Final = (PAYLOADS, EVALUATIONS, DETECTOR_RESULTS, DETECTOR_METRICS, FLAGGED_MOMENTS)
