"""Which job of an answer is which URL's, where URLs may come back in another spelling, in another order, or not at all.

Belongs here: one pure function, and reading a URL that Pique names. Does not: what is then
recorded (`social_posts`), and webhooks (`reconciliation`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pique_assets.api.models import SocialMediaJob
from pique_assets.media import ContentError, canonical_url
from pique_assets.media.urls import spelling


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """The jobs of one answer.

    Attributes:
        jobs: By the URL that was sent, each job once.
        others: Jobs with an id of which nobody can tell whose they are.
    """

    jobs: dict[str, SocialMediaJob]
    others: tuple[SocialMediaJob, ...]


def attribute(jobs: Sequence[SocialMediaJob], *, urls: Sequence[str]) -> Attribution:
    """Tell which job is which URL's.

    First by the URL itself, then by what all its spellings have in common. What is left is matched by position when
    there are as many jobs as URLs, and the jobs whose URLs are known stand where those URLs stood; or when a single one
    is left. Scores of another video would be worse than none, so nothing else is guessed.

    Args:
        jobs: As the answer names them.
        urls: That were sent, canonical, in their order.
    """
    places: dict[int, int] = {}
    named: dict[str, int] = {}
    # One job id can't be of two evaluations: the second time it says nothing.
    usable = []
    for number, job in enumerate(jobs):
        if job.job_id is None or named.setdefault(job.job_id, number) == number:
            usable.append(number)
    place_of = {url: place for place, url in enumerate(urls)}
    for number in usable:
        place = place_of.get(canonical_or_none(jobs[number].url) or "")
        if place is not None and place not in places:
            places[place] = number
    repeats = _by_spelling(places, jobs=jobs, usable=usable, urls=urls)
    _by_position(places, jobs=jobs, usable=[number for number in usable if number not in repeats], urls=urls)
    matched = set(places.values())
    return Attribution(
        jobs={urls[place]: jobs[number] for place, number in places.items()},
        others=tuple(job for number, job in enumerate(jobs) if number not in matched and job.job_id is not None),
    )


def _by_spelling(
    places: dict[int, int], *, jobs: Sequence[SocialMediaJob], usable: Sequence[int], urls: Sequence[str]
) -> set[int]:
    """Match by the spelling's essence; returns the jobs that are a further one of a URL that has its job."""
    essences = {number: essence for number in usable if (essence := _essence(jobs[number].url)) is not None}
    of_jobs = Counter(essence for number, essence in essences.items() if number not in places.values())
    of_urls = [spelling(url) for url in urls]
    counted = Counter(of_urls)
    have_a_job = {of_urls[place] for place in places}
    repeats = set()
    for number, essence in essences.items():
        if number in places.values():
            continue
        if essence in have_a_job and counted[essence] == 1:
            repeats.add(number)
        elif counted[essence] == of_jobs[essence] == 1:
            places[of_urls.index(essence)] = number
    return repeats


def _by_position(
    places: dict[int, int], *, jobs: Sequence[SocialMediaJob], usable: Sequence[int], urls: Sequence[str]
) -> None:
    left_urls = [place for place in range(len(urls)) if place not in places]
    left_jobs = [number for number in usable if number not in places.values()]
    in_order = all(place == number for place, number in places.items())
    if len(jobs) == len(urls) and len(left_jobs) == len(left_urls) and (in_order or len(left_urls) == 1):
        places.update(zip(left_urls, left_jobs, strict=True))


def canonical_or_none(url: str | None) -> str | None:
    """The canonical form of a URL as Pique names it; None where Pique names none, or no URL."""
    if url is None:
        return None
    try:
        return canonical_url(url.strip())
    except ContentError:
        return None


def _essence(url: str | None) -> str | None:
    canonical = canonical_or_none(url)
    return None if canonical is None else spelling(canonical)
