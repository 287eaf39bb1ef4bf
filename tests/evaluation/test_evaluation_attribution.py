"""Which job of an answer is whose: told by URL, spelling, position, or not at all; no job is lost, none is shared."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from pique_assets.api.models import SocialMediaJob
from pique_assets.evaluation.attribution import attribute

A, B, C = "https://a.example/v?x=1&y=2", "https://b.example/w/", "https://c.example/z"


def job(job_id: str | None, url: str | None = None) -> SocialMediaJob:
    return SocialMediaJob(job_id=job_id, url=url, status="awaiting_upload" if job_id else "failed")


def told(urls: list[str], *jobs: SocialMediaJob) -> tuple[list[str | None], list[str | None]]:
    """The job of each URL, and the jobs of nobody."""
    found = attribute(jobs, urls=urls)
    return [found.jobs[url].job_id if url in found.jobs else "-" for url in urls], [one.job_id for one in found.others]


def test_by_its_url_however_cased_and_in_whatever_order():
    assert told([A, B, C], job("3", C), job("1", "HTTPS://A.example:443/v?x=1&y=2#t"), job("2", B)) == (
        ["1", "2", "3"],
        [],
    )


@pytest.mark.parametrize(
    "spelled",
    ["http://a.example/v?x=1&y=2", "https://www.a.example/v?y=2&x=1", "https://m.a.example/%76/?x=1&y=2"],
)
def test_by_another_spelling_in_another_order(spelled):
    assert told([A, B, C], job("3", C), job("2", B), job("1", spelled)) == (["1", "2", "3"], [])


def test_by_position_when_counts_agree():
    short = [job("1", "https://s.example/1"), job("2", "https://s.example/2"), job("3", "https://s.example/3")]
    assert told([A, B, C], *short) == (["1", "2", "3"], [])
    assert told([A, B, C], short[0], job("2", B), short[2]) == (["1", "2", "3"], [])
    assert told([A, B, C], job("1"), job("2"), job("3")) == (["1", "2", "3"], [])
    assert told([A, B, C], job("1", A), job(None, "https://s.example/2"), short[2]) == (["1", None, "3"], [])


def test_a_single_one_that_is_left_in_whatever_order():
    assert told([A, B, C], job("2", B), job("3", C), job("1", "https://s.example/1")) == (["1", "2", "3"], [])


def test_nothing_is_guessed_where_the_order_is_another_or_the_counts_differ():
    left = [job("1", "https://s.example/1"), job("2", "https://s.example/2")]
    assert told([A, B, C], *left, job("3", A)) == (["3", "-", "-"], ["1", "2"])
    assert told([A, B, C], *left) == (["-", "-", "-"], ["1", "2"])
    assert told([A], *left) == (["-"], ["1", "2"])


def test_a_further_job_of_a_url_is_nobody_elses():
    assert told([A, B], job("1", A), job("2", A)) == (["1", "-"], ["2"])
    assert told([A, B], job("1", A), job("2", "https://www.a.example/v?x=1&y=2")) == (["1", "-"], ["2"])


def test_two_urls_of_one_spelling_are_not_taken_for_each_other():
    assert told([A, A.replace("https", "http"), B], job("9", "https://www.a.example/v?x=1&y=2")) == (
        ["-", "-", "-"],
        ["9"],
    )


def test_one_job_id_is_of_one_url():
    assert told([A, B], job("1", A), job("1", B)) == (["1", "-"], ["1"])


urls_sent = st.lists(st.sampled_from([A, B, C, "https://d.example/", "http://d.example"]), unique=True, max_size=5)
url_said = st.none() | st.sampled_from([A, B, C, "https://www.a.example/v?x=1&y=2", "nonsense", "https://q.example"])
jobs_said = st.lists(st.builds(job, st.none() | st.sampled_from("12345"), url_said), max_size=6)


@given(urls=urls_sent, jobs=jobs_said)
def test_no_job_is_lost_and_none_is_shared(urls, jobs):
    found = attribute(jobs, urls=urls)
    given_away = [one.job_id for one in found.jobs.values() if one.job_id is not None]
    assert len(given_away) == len(set(given_away))
    assert found.jobs.keys() <= set(urls)
    named = {one.job_id for one in jobs} - {None}
    assert named == set(given_away) | {one.job_id for one in found.others}
