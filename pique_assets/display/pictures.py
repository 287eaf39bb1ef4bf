"""What people look at sooner than they read: the worst content of a date as thumbnails, pass rates as a chart.

Belongs here: which content is shown, and Markdown that the Dagster UI shows as pictures. Does not: decoding
(`thumbnails`), tables and bars of text (`metadata`), numbers that the UI plots (`numbers`).

A picture is part of an event that Dagster stores for ever, so pictures are few and small. The UI shows Markdown of less
than 1,000 characters at once, and longer Markdown at a click.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

import dagster as dg

from pique_assets import lake as lake_room, media as media_room
from pique_assets.display.thumbnails import Wanted, can_make_thumbnails, thumbnails
from pique_assets.metadata import Markdown, cell, markdown_table
from pique_assets.visible import visible

if TYPE_CHECKING:
    import pyarrow as pa

    from pique_assets.resources import MediaStorageResource

SHOWN_ITEMS: Final = 6
# Base64 makes a third more of them.
PICTURE_BYTES: Final = 44_000
BARS: Final = 30
LABEL_CHARACTERS: Final = 24
WITHOUT_DECODERS: Final = "No pictures: install pique_assets[local], which has the decoders."

_COLOURS: Final = ((0.9, "#2e9d6b"), (0.5, "#d99a1c"), (0.0, "#c8503c"))
# Legible on the UI's light ground and on its dark one.
_INK: Final = "#808890"


@dataclass(frozen=True, kw_only=True)
class WorstItem:
    """Content that a detector failed or flagged.

    Attributes:
        job_id: Its job.
        failed: Names of the detectors that did not pass it; of one that could not tell, with that word.
        flagged: How many moments detectors flagged; evidence of a detector that passed is none.
        at_s: The first flagged second of a video; 0 where no moment says when.
        score: Its overall score.
    """

    job_id: str
    failed: tuple[str, ...]
    flagged: int
    at_s: float
    score: float | None


def picture(data: bytes, *, media_type: str, title: str) -> Markdown:
    """A picture that stands in Markdown with all its bytes, so that the UI fetches nothing to show the picture."""
    return Markdown(f"![{cell(title)}](data:{media_type};base64,{base64.b64encode(data).decode()})")


def worst_items(*, evaluations: pa.Table, detector_results: pa.Table, flagged_moments: pa.Table) -> list[WorstItem]:
    """The content that people would want to see first, worst first: most failed detectors, then flags, then scores."""
    failed: dict[str, list[str]] = defaultdict(list)
    passed: set[tuple[str, int]] = set()
    for row in detector_results.select(["job_id", "detector_index", "detector_name", "pass_check"]).to_pylist():
        name = row["detector_name"] or "unnamed"
        if row["pass_check"]:
            passed.add((row["job_id"], row["detector_index"]))
        else:
            failed[row["job_id"]].append(name if row["pass_check"] is False else f"{name} (undetermined)")
    flagged: dict[str, list[float | None]] = defaultdict(list)
    for row in flagged_moments.select(["job_id", "detector_index", "moment_kind", "at_s"]).to_pylist():
        # The timestamps of a detector that passed are where it found what it looked for.
        if row["moment_kind"] != "timestamp" or (row["job_id"], row["detector_index"]) not in passed:
            flagged[row["job_id"]].append(row["at_s"])
    items = [
        WorstItem(
            job_id=row["job_id"],
            failed=tuple(failed[row["job_id"]]),
            flagged=len(flagged[row["job_id"]]),
            at_s=min((at for at in flagged[row["job_id"]] if at is not None and at >= 0), default=0.0),
            score=row["overall_score"],
        )
        for row in evaluations.select(["job_id", "overall_score"]).to_pylist()
        if row["job_id"] in failed or row["job_id"] in flagged
    ]
    return sorted(items, key=lambda item: (-len(item.failed), -item.flagged, item.score or 0.0, item.job_id))


def worst_items_metadata(
    items: list[WorstItem], *, submissions: pa.Table, media_storage: MediaStorageResource
) -> Mapping[str, dg.MarkdownMetadataValue]:
    """The worst items of a date with a thumbnail each, where one can be made; nothing where no item is bad."""
    if not items:
        return {}
    wanted = {item.job_id for item in items[:SHOWN_ITEMS]}
    submitted = {row["job_id"]: row for row in submissions.to_pylist() if row["job_id"] in wanted}
    shown = [(item, submitted[item.job_id]) for item in items[:SHOWN_ITEMS] if item.job_id in submitted]
    pictures = _pictures(shown, media_storage=media_storage)
    rows: list[list[object]] = [
        [
            thumbnail or "",
            row["filename"] or row["content_uri"],
            ", ".join(dict.fromkeys(item.failed)),
            item.flagged,
            "" if item.score is None else f"{item.score:.3g}",
        ]
        for (item, row), thumbnail in zip(shown, pictures, strict=True)
    ]
    table = markdown_table(["picture", "content", "failed", "flagged moments", "score"], rows)
    more = [f"{len(items) - len(shown)} more"] if len(items) > len(shown) else []
    note = [] if can_make_thumbnails() else [WITHOUT_DECODERS]
    return {"worst_items": dg.MarkdownMetadataValue("\n\n".join([table, *more, *note]))}


def _pictures(
    shown: list[tuple[WorstItem, dict[str, Any]]], *, media_storage: MediaStorageResource
) -> list[Markdown | None]:
    """A thumbnail for each item that is a file of the evaluation's source; a social media URL is never fetched."""
    if not can_make_thumbnails():
        return [None] * len(shown)
    files = {
        item.job_id: Wanted(item=_content_item(row), at_s=item.at_s)
        for item, row in shown
        if row["source"] == "direct" and row["fingerprint"] is not None and row["size_bytes"] is not None
    }
    made = dict(zip(files, thumbnails(list(files.values()), open_content=media_storage.content_opener()), strict=True))
    pictures: list[Markdown | None] = []
    left = PICTURE_BYTES
    for item, row in shown:
        jpeg = made.get(item.job_id)
        fits = jpeg is not None and len(jpeg) <= left
        left -= len(jpeg) if jpeg is not None and fits else 0
        pictures.append(picture(jpeg, media_type="image/jpeg", title=row["filename"]) if jpeg and fits else None)
    return pictures


def _content_item(row: Mapping[str, Any]) -> media_room.ContentItem:
    names = ("content_uri", "filename", "size_bytes", "content_type", "fingerprint")
    return media_room.ContentItem(**{name: row[name] for name in names})


def pass_rate_chart(scorecard: pa.Table) -> Mapping[str, dg.MarkdownMetadataValue]:
    """The pass rates of a scorecard as bars; nothing where no detector came to a verdict."""
    rows = [
        (row["detector_name"] or "unnamed", row["pass_rate"])
        for row in scorecard.to_pylist()
        if row["detector_name"] != lake_room.OVERALL and row["pass_rate"] is not None
    ][:BARS]
    if not rows:
        return {}
    bars = "".join(_bar(number, name=name, rate=rate) for number, (name, rate) in enumerate(rows))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="400" height="{20 * len(rows)}" font-family="sans-serif" '
        f'font-size="12" fill="{_INK}">{bars}</svg>'
    )
    chart = picture(svg.encode(), media_type="image/svg+xml", title="pass rates")
    return {"pass_rate_chart": dg.MarkdownMetadataValue(chart)}


def _bar(number: int, *, name: str, rate: float) -> str:
    label = escape(" ".join(visible(name).split())[:LABEL_CHARACTERS])
    colour = next(colour for least, colour in _COLOURS if rate >= least)
    return (
        f'<text y="{20 * number + 14}">{label}</text>'
        f'<path fill="{colour}" d="M170 {20 * number + 4}h{max(1, round(180 * rate))}v12H170z"/>'
        f'<text x="355" y="{20 * number + 14}">{rate:.0%}</text>'
    )
