"""`rtpipe table` on the topic of a pipeline."""

from __future__ import annotations

from tests.support.pipeline.pipeline import Pipeline


def table(pipeline: Pipeline, *arguments: str, code: int = 0) -> str:
    """Output of `rtpipe table …` on the pipeline's topic."""
    env = {"RTPIPE_ADMIN_DATABASE_URL": pipeline.addresses.admin_database_url}
    answer = pipeline.run("table", *arguments, "--topics", pipeline.topics[0], env=env)
    assert answer.returncode == code, answer.stdout + answer.stderr
    return answer.stdout + answer.stderr
