"""Lanes of work: their order, their bounds, and how work stops."""

import asyncio
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="the extra web is not installed")

from imgae.cli.server.ending import finished
from imgae.cli.server.jobs import CANCEL, CANCELLED, DONE, FAILED, RUNNING, Job, Lane
from imgae.cli.server.problems import ProblemError
from imgae.cli.server.work import Done
from imgae.errors import MaskError
from imgae.model.machine import check_stopped


def run(work, limit=60):
    """Run a coroutine function with a lane in which two may wait, each for so many seconds."""

    async def main():
        lane = Lane(2, limit)
        try:
            return await asyncio.wait_for(work(lane), 20)
        finally:
            lane.thread.shutdown(wait=False)

    return asyncio.run(main())


class Gate:
    """Work that goes on until it is told to end, or is stopped before it runs a model again."""

    def __init__(self):
        self.open, self.begun = threading.Event(), threading.Event()

    def __call__(self, progress):
        self.begun.set()
        while not self.open.wait(0.01):
            check_stopped()
        progress(1, 2)
        return done()


def done():
    return Done(path=Path("not written.png"), name="a.png", type="image/png", record={})


async def begun(gate):
    await asyncio.to_thread(gate.begun.wait, 5)
    await asyncio.sleep(0)


def test_jobs_run_one_after_another_and_tell_how_many_are_before_them():
    async def work(lane):
        gate, order = Gate(), []
        first = Job("1", "denoise", gate)
        others = [Job(str(n), "denoise", lambda _, n=n: order.append(n) or done()) for n in (2, 3)]
        for job in (first, *others):
            lane.submit(job)
        await begun(gate)
        assert [job.ahead for job in (first, *others)] == [0, 1, 2]
        gate.open.set()
        for job in (first, *others):
            await job.ended()
            assert (job.status, job.progress) == (DONE, 1.0)
        assert order == [2, 3]
        assert lane.jobs == []

    run(work)


def test_beyond_its_bound_a_lane_says_when_to_come_again_and_a_cancelled_job_frees_its_place():
    async def work(lane):
        gate = Gate()
        jobs = [Job(str(n), "denoise", gate) for n in range(3)]
        for job in jobs:
            lane.submit(job)
        with pytest.raises(ProblemError) as refused:
            lane.submit(Job("4", "denoise", gate))
        assert refused.value.status == 429
        assert int(refused.value.headers["Retry-After"]) >= 1
        lane.cancel(jobs[1], CANCEL)
        assert jobs[1].status == CANCELLED
        lane.submit(Job("5", "denoise", gate))
        gate.open.set()
        await jobs[2].ended()
        assert jobs[1].done is None

    run(work)


def test_work_that_is_cancelled_stops_before_its_next_model():
    async def work(lane):
        gate = Gate()
        job = Job("1", "denoise", gate)
        lane.submit(job)
        await begun(gate)
        lane.cancel(job, CANCEL)
        await job.ended()
        assert job.status == CANCELLED
        assert lane.jobs == []

    run(work)


def test_work_that_takes_too_long_is_ended_with_a_sentence():
    async def work(lane):
        started = time.monotonic()
        job = Job("1", "denoise", Gate())
        lane.submit(job)
        await job.ended()
        assert time.monotonic() - started >= lane.limit
        assert job.status == FAILED
        assert job.problem.status == 503
        assert "longer than 0.2 s" in job.problem.detail

    run(work, limit=0.2)


def test_work_that_is_finished_though_it_is_cancelled_ends_by_the_time_limit():
    async def work(lane):
        gate = Gate()

        def look(progress):
            with finished():
                return gate(progress)

        job = Job("1", "denoise", look)
        lane.submit(job)
        await begun(gate)
        lane.cancel(job, CANCEL)
        await asyncio.sleep(0.05)
        assert job.status == RUNNING
        await job.ended()
        assert (job.status, job.problem.status) == (FAILED, 503)

    run(work, limit=0.3)


def test_a_failure_is_the_sentence_of_its_error():
    async def work(lane):
        def fail(_):
            raise MaskError("the mask is of another size")

        job = Job("1", "inpaint", fail)
        lane.submit(job)
        await job.ended()
        assert job.status == FAILED
        assert (job.problem.status, job.problem.detail) == (422, "the mask is of another size")

    run(work)


def test_all_states_are_told_in_their_order_to_the_last():
    async def work(lane):
        gate = Gate()
        job = Job("1", "denoise", gate)
        lane.submit(job)

        async def states():
            return [(state["status"], state["progress"]) async for state in job.states()]

        telling = asyncio.create_task(states())
        await begun(gate)
        await asyncio.sleep(0.05)
        gate.open.set()
        told = await telling
        assert told[-1] == (DONE, 1.0)
        assert (RUNNING, 0.0) in told
        assert [progress for _, progress in told] == sorted(progress for _, progress in told)

    run(work)


def test_when_to_come_again_is_told_by_how_long_work_takes_and_not_by_how_long_it_waits():
    async def work(lane):
        lane.most, lane.seconds = 20, 0.0
        jobs = [Job(str(n), "denoise", lambda _: time.sleep(0.02) or done()) for n in range(20)]
        for job in jobs:
            lane.submit(job)
        for job in jobs:
            await job.ended()
        assert 0.01 < lane.seconds < 0.2  # where all waited 0.2 s on average

    run(work)
