"""Every table of the lake: its columns with their meanings and units, and the key that sorts its rows.

Belongs here: the declarations, and finding one by its name. Does not: how a declaration is written and what follows
from it (`declaration`), Arrow's schemas (`schemas`), and how a payload becomes rows (`normalised`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pique_assets.lake.declaration import TableSpec, boolean, instant, integer, number, raw_bytes, text
from pique_assets.lake.errors import TableUnknown

_JOB = text("job_id", "Pique's id of the job.", required=True)
_INDEX = integer("detector_index", "Place of the detector result in the payload's list, from 0.", required=True)
_SHA256 = text("payload_sha256", "SHA-256 (hex) of the payload this row was read from.", required=True)
_DETECTOR = text("detector_name", "Name of the detector, as sent; an open set.")
_CONTENT_URI = text("content_uri", "Where the content is: path or URL.", required=True)
_FINGERPRINT = text("fingerprint", "SHA-256 (hex) of the content's bytes; null where they could not be read.")
_FILENAME = text("filename", "The content's file name.")
_SIZE = integer("size_bytes", "Size of the content in bytes.")
_CONTENT_TYPE = text("content_type", "video, image or audio, as found in the bytes.")
_TITLE = text("title", "Title given with the content.")
_DESCRIPTION = text("description", "Description given with the content.")
_ERROR_CODE = text("error_code", "Short name of what went wrong; null when nothing did.")
_ERROR = text("error", "What went wrong, in a sentence; null when nothing did.")
_CONFIGURATION = text("judge_configuration_hash", "Hash of the judge's content type and detector configs.")
_JUDGE = text("judge_id", "Pique's id of the judge.", required=True)
_FETCHED = instant("fetched_at", "When the judge was read from Pique (UTC).", required=True)
_OTHER = text("other_fields", "JSON object of fields that have no column; else null.")

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

CONTENT: Final = TableSpec(
    name="content",
    doc="The inventory: every content item found for the partition, readable or not.",
    key=("content_uri",),
    columns=(
        _CONTENT_URI,
        _FILENAME,
        _SIZE,
        _CONTENT_TYPE,
        _FINGERPRINT,
        integer("crc32c", "CRC-32C (Castagnoli) of the content's bytes; null where they could not be read."),
        text("version", "What tells a file that was changed: inode and time on a disk, generation in a bucket."),
        _TITLE,
        _DESCRIPTION,
        text("state", "ready, or unreadable with a reason.", required=True),
        _ERROR_CODE,
        _ERROR,
    ),
)

SUBMISSIONS: Final = TableSpec(
    name="submissions",
    doc="One row per content item wanted from the judge: the current submission and how it stands.",
    key=("content_uri",),
    columns=(
        text("evaluation", "Name of the evaluation that wants the content judged.", required=True),
        text("job_id", "Pique's id of the job; null until there is one."),
        text("batch_id", "Pique's id of the social-media batch."),
        text("source", "How the content goes to Pique: direct or social.", required=True),
        _CONTENT_URI,
        _FINGERPRINT,
        _FILENAME,
        _SIZE,
        _CONTENT_TYPE,
        _TITLE,
        _DESCRIPTION,
        text("judge_id", "Pique's id of the judge."),
        _CONFIGURATION,
        text("work_key", "Hash of content, judge configuration, title and description: evaluated once each."),
        text("state", "State of the submission in the ledger.", required=True),
        integer("attempt", "Number of this attempt, from 1."),
        _ERROR_CODE,
        _ERROR,
        instant("created_at", "When the submission was recorded (UTC)."),
        instant("uploaded_at", "When the bytes were at Pique (UTC)."),
        instant("finished_at", "When the submission reached its final state (UTC)."),
        number("latency_s", "Seconds from uploaded_at to finished_at; two clocks, so a little below 0 is possible."),
    ),
)

JUDGES: Final = TableSpec(
    name="judges",
    doc="Snapshots of the judge as Pique described it.",
    key=("judge_id", "fetched_at"),
    columns=(
        _JUDGE,
        text("name", "Name of the judge."),
        text("description", "What the judge evaluates."),
        text("content_type", "What the judge takes: video, image, ..."),
        text("status", "ready, pending, failed, or another word as sent."),
        boolean("is_active", "Whether the judge is active."),
        _CONFIGURATION,
        instant("created_at", "When the judge was created (UTC)."),
        instant("updated_at", "When the judge was last changed (UTC)."),
        _FETCHED,
        _OTHER,
    ),
)

DETECTOR_CONFIGS: Final = TableSpec(
    name="detector_configs",
    doc="Snapshots of the judge's detector configs.",
    key=("judge_id", "fetched_at", "detector_config_index"),
    columns=(
        _JUDGE,
        integer("detector_config_index", "Place in the judge's list, from 0.", required=True),
        text("detector_config_id", "Pique's id of the detector config."),
        text("detector_name", "Name of the detector."),
        text("config_json", "The config's exact JSON."),
        number("weight", "Weight of the detector in the judge, as sent."),
        _CONFIGURATION,
        _FETCHED,
        _OTHER,
    ),
)

SCORECARD_DAILY: Final = TableSpec(
    name="scorecard_daily",
    doc="Per judge and detector: how many passed, with an interval, and how scores spread.",
    key=("judge_id", "detector_name", "detector_config_id"),
    columns=(
        text("judge_id", "Pique's id of the judge."),
        text("detector_config_id", "Id of the detector config; null for `__overall__`."),
        text("detector_name", "Name of the detector; `__overall__` for the judge as a whole."),
        integer("n", "Detector results counted; for `__overall__`, finished evaluations.", required=True),
        integer("passed", "Results with pass_check true; null for `__overall__`: Pique gives no overall verdict."),
        integer("failed", "Results with pass_check false; null for `__overall__`."),
        integer("undecided", "Results without a verdict; null for `__overall__`."),
        number("pass_rate", "passed / (passed + failed), 0 to 1; null without a verdict."),
        number("wilson_low", "Lower end of the 95 % Wilson interval of pass_rate, 0 to 1."),
        number("wilson_high", "Upper end of the 95 % Wilson interval of pass_rate, 0 to 1."),
        integer("evaluations_completed", "Evaluations with status completed; `__overall__` only."),
        integer("evaluations_failed", "Evaluations with status failed; `__overall__` only."),
        integer("evaluations_other", "Evaluations with any other status, e.g. unreadable; `__overall__` only."),
        integer("score_n", "Results that carry a score.", required=True),
        text("score_scale", "Scale of the scores: unit, percent, unknown, or mixed; null without scores."),
        number("score_min", "Smallest score, as sent."),
        number("score_p10", "10 % quantile of the scores (linear); null when score_scale is mixed."),
        number("score_p50", "Median of the scores; null when score_scale is mixed."),
        number("score_p90", "90 % quantile of the scores (linear); null when score_scale is mixed."),
        number("score_max", "Largest score, as sent."),
        number("score_mean", "Mean of the scores; null when score_scale is mixed."),
    ),
)

METRIC_CATALOG: Final = TableSpec(
    name="metric_catalog",
    doc="Every metric path seen in the partition: its kinds, range, and what is known of it.",
    key=("detector_name", "metric_path", "value_kind"),
    columns=(
        text("detector_name", "Name of the detector."),
        text("metric_path", "The path, escaped as in detector_metrics.", required=True),
        text("value_kind", "Kind of the values counted in this row.", required=True),
        integer("n", "Rows of this kind at this path.", required=True),
        number("value_min", "Smallest value, for kinds float and int; in `unit`."),
        number("value_max", "Largest value, for kinds float and int; in `unit`."),
        text("unit", "Unit of the value, where known."),
        text("meaning", "What the metric says, where known."),
    ),
)

PARTITION_STATUS: Final = TableSpec(
    name="partition_status",
    doc="Written last: the commit mark of a partition, and the run that wrote it.",
    key=("evaluation",),
    columns=(
        text("evaluation", "Name of the evaluation.", required=True),
        text("run_id", "Id of the Dagster run that wrote the partition."),
        instant("committed_at", "When the partition was complete (UTC).", required=True),
        text("payload_digest", "SHA-256 (hex) over the sorted payload_sha256 of the partition."),
        integer("content_count", "Content items found."),
        integer("unreadable_count", "Content items that could not be submitted."),
        integer("completed_count", "Jobs that completed."),
        integer("failed_count", "Jobs that failed at Pique."),
        integer("rejected_count", "Submissions the API refused."),
        integer("in_doubt_count", "Submissions nobody can say the fate of: in doubt, or given up."),
    ),
)

TABLES: Final[Mapping[str, TableSpec]] = {
    spec.name: spec
    for spec in (
        PAYLOADS,
        EVALUATIONS,
        DETECTOR_RESULTS,
        DETECTOR_METRICS,
        FLAGGED_MOMENTS,
        CONTENT,
        SUBMISSIONS,
        JUDGES,
        DETECTOR_CONFIGS,
        SCORECARD_DAILY,
        METRIC_CATALOG,
        PARTITION_STATUS,
    )
}
"""Declaration of every table by name."""

TABLE_DOCS: Final[Mapping[str, str]] = {name: spec.doc for name, spec in TABLES.items()}
"""One sentence about every table."""

COLUMN_DOCS: Final[Mapping[str, Mapping[str, str]]] = {
    name: {column.name: column.doc for column in spec.columns} for name, spec in TABLES.items()
}
"""Meaning, and unit of a quantity, of every column of every table."""


def table_spec(name: str) -> TableSpec:
    """The declaration of a table.

    Raises:
        TableUnknown: No table has this name; the message lists those there are.
    """
    try:
        return TABLES[name]
    except KeyError:
        raise TableUnknown(f"the lake has no table {name!r}; it has {', '.join(sorted(TABLES))}") from None
