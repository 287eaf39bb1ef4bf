"""Each job id that the answer to a social media POST names is found, in whatever shape the answer comes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from pique_assets.api.batch_answer import named_jobs, with_documented_jobs
from pique_assets.api.errors import UnexpectedAnswer
from pique_assets.api.models import SocialMediaBatch, SocialMediaRequest

A, B = "https://a.example/1", "https://b.example/2"
PAIRS = [("job_1", A), ("job_2", B)]
SHAPES = {
    "documented": {"batch_id": "b", "jobs": [{"job_id": "job_1", "url": A}, {"job_id": "job_2", "url": B}]},
    "wrapped": {"data": {"jobs": [{"job_id": "job_1", "url": A}, {"job_id": "job_2", "url": B}]}},
    "a list": [{"job_id": "job_1", "url": A}, {"job_id": "job_2", "video_url": B}],
    "by url": {"batch_id": 7, "jobs": {A: {"job_id": "job_1"}, B: {"job_id": "job_2"}}},
    "ids by url": {"jobs": {A: "job_1", B: "job_2"}},
    "another name": {"batch_id": "b", "videos": [{"job_id": "job_1", "url": A}, {"job_id": "job_2", "url": B}]},
    "short names": {"batch_id": None, "jobs": [{"id": "job_1", "url": A}, {"id": "job_2", "url": B}]},
    "odd fields": {
        "batch_id": "b",
        "jobs": [{"job_id": "job_1", "url": A, "status": 3}, {"job_id": "job_2", "url": B, "error_message": {}}],
    },
}


@pytest.mark.parametrize("document", SHAPES.values(), ids=SHAPES)
def test_jobs_and_their_urls_are_found(document):
    batch = SocialMediaBatch.model_validate(with_documented_jobs(document))
    assert [(job.job_id, job.url) for job in batch.jobs] == PAIRS


def test_bare_ids_and_numbers_are_ids():
    for jobs in (["job_1", "job_2"], [{"job_id": "job_1"}, {"job_id": "job_2"}]):
        batch = SocialMediaBatch.model_validate(with_documented_jobs({"batch_id": "b", "jobs": jobs}))
        assert [(job.job_id, job.url) for job in batch.jobs] == [("job_1", None), ("job_2", None)]
    batch = SocialMediaBatch.model_validate(with_documented_jobs({"jobs": [{"job_id": 12, "url": A}]}))
    assert batch.jobs[0].job_id == "12"


def test_a_job_that_failed_within_the_answer_has_no_id():
    failed = {"job_id": None, "url": A, "status": "failed", "error_message": "private video"}
    batch = SocialMediaBatch.model_validate(with_documented_jobs({"batch_id": "b", "jobs": [failed]}))
    assert (batch.jobs[0].job_id, batch.jobs[0].error_message) == (None, "private video")


@pytest.mark.parametrize("jobs", [[], None, 3, {}, [None], [[]]])
def test_an_answer_without_jobs_stays_as_it_is(jobs):
    document = {"batch_id": "b", "jobs": jobs}
    assert with_documented_jobs(document) == document


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["jobs", "job_id", "url", "x"]), inner),
    max_leaves=12,
)


@given(json_values)
def test_no_shape_is_too_odd(document):
    with_documented_jobs(document)
    named_jobs(json.dumps(document).encode())


def test_ids_are_found_in_an_answer_that_was_cut(server, client, steps):
    body = json.dumps(SHAPES["documented"]).encode()
    cut = body[: body.index(b'"job_2"') + len(b'"job_2"')]
    assert named_jobs(cut) == ("job_1", "job_2")
    server.on("POST /v1/evaluations/social-media", steps.reply(202, raw=cut))
    with pytest.raises(UnexpectedAnswer) as caught:
        client.submit_social_media(SocialMediaRequest(judge_id="j", video_urls=(A, B)))
    assert caught.value.named_jobs == ("job_1", "job_2")
