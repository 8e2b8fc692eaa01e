# What stands before every run: one workflow at a time in a folder, and results that were damaged are made again.
# Before every job, too: one whose run has ended removes nothing. And a run that is told to end (`kill`, Ctrl-C) does, with its jobs.
# Requires: fringeflow on the path. Gives: end_run, for the end of a run.

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Thread

from snakemake.dag import DAG
from snakemake.jobs import Job
from snakemake.logging import logger
from snakemake.persistence import PersistenceBase
from snakemake.scheduling.job_scheduler import JobScheduler
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

from fringeflow.errors import RunError
from fringeflow.healing import clean_up, end_run, find_damage, heal, update_index
from fringeflow.lock import check, hold, holder, sign


@contextmanager
def locked_and_signed(lock, dag):
    """Take Snakemake's own lock; only then may a run put its name in place of one from another machine."""
    with lock():
        try:
            sign(Path())
        except RunError as error:
            raise WorkflowError(str(error)) from None
        yield
        if not len(dag):
            clean_up()  # "Nothing to be done": Snakemake calls no `onsuccess`


def before_jobs_are_chosen(dag):
    """Take the folder's lock for a real run, and force the jobs whose results were damaged; one on a node does neither."""
    run = dag.workflow
    if run.execution_settings is None or not run.is_main_process:
        return  # `--summary`, `--dag` and their like, or a job on a cluster
    # While Snakemake 9 limits the rate of jobs (100/1s unless told otherwise), every job that ends leaves a timer behind
    # that walks through all ready jobs once a second from then on (its pull request 3744): a fifth of a core after 100
    # jobs, and all of it after 1,000. Without the limit there are no timers. Another limit than that is the user's.
    limit = run.scheduling_settings.max_jobs_per_timespan
    if limit and (limit.max_jobs, limit.timespan) == (100, 1):
        run.scheduling_settings.max_jobs_per_timespan = None
    locks = not run.dryrun and run.execution_settings.lock  # not with `--nolock`
    try:
        if locks and hold(Path()):
            # Snakemake's own lock, of a run that was killed, since this one has ours. It removes the whole folder.
            run.persistence.cleanup_locks()
            Path(run.persistence.path, "locks").mkdir(exist_ok=True)
    except RunError as error:
        raise WorkflowError(str(error)) from None
    if locks:
        run.persistence.lock = partial(locked_and_signed, run.persistence.lock, dag)
    elif other := holder(Path()):
        logger.warning(
            f"Process {other.pid} on {other.host} runs a workflow in this folder: results are not looked through"
        )
        return
    planned = {str(path) for job in dag.jobs for path in job.output}
    if not planned or run.touch:
        return
    # Noted also if nothing is to be done, or a job fails: a copied folder is read once.
    damage = find_damage() if run.dryrun else update_index()
    forced, told = heal(damage, planned, touch=not run.dryrun)
    dag.forcefiles.update(forced)
    for line in told:
        logger.warning(line)


# Only here are the jobs known, and not yet which of them run. Snakemake has no hook of its own before `onstart`.
if not hasattr(DAG.check_incomplete, "follows"):

    async def check_incomplete(self, first=DAG.check_incomplete):
        before_jobs_are_chosen(self)
        await first(self)

    check_incomplete.follows = True
    DAG.check_incomplete = check_incomplete


# On a cluster a job may outlive its run, with a Snakemake of its own around it. That one removes a job's outputs before it
# begins and after it failed: they may be those of a later run by then.
if not hasattr(Job.prepare, "follows"):

    async def prepare(self, first=Job.prepare):
        try:
            check()
        except RunError as error:
            raise WorkflowError(str(error), rule=self.rule) from None
        await first(self)

    async def cleanup(self, skip_outputs, first=Job.cleanup):
        try:
            check()
        except RunError:
            return  # the job has said so
        await first(self, skip_outputs)

    prepare.follows = True
    Job.prepare, Job.cleanup = prepare, cleanup


# Of a job that failed, Snakemake 9.27 notes the new settings and inputs all the same, as those of whatever stands under the names of
# its outputs: what a training that failed was to replace, and a store that was removed to save space, then passed for made with them,
# and a plain rerun had nothing to do. Without the note the job stays marked as begun, as after a kill, and is begun again.
if not hasattr(Job.postprocess, "follows"):

    async def postprocess(self, *words, error=False, first=Job.postprocess, **named):
        self.failed = error
        await first(self, *words, error=error, **named)

    async def finished(self, job, first=PersistenceBase.finished):
        if not getattr(job, "failed", False):
            await first(self, job)

    postprocess.follows = True
    Job.postprocess, PersistenceBase.finished = postprocess, finished


# Snakemake 9.27 asks for the scheduler's lock in its handler of SIGTERM, which Python runs in the main thread: one that has that lock,
# as while it waits for files or chooses jobs, then sleeps for ever. Another thread may wait for it; a daemon, since nothing
# needs it once the scheduler is gone. That the run is to end is noted at once, or the main thread would begin further jobs first.
if not hasattr(JobScheduler.exit_gracefully, "follows"):

    def exit_gracefully(self, *signal, first=JobScheduler.exit_gracefully):
        self._user_kill = "graceful"
        Thread(target=first, args=(self, *signal), daemon=True).start()

    exit_gracefully.follows = True
    JobScheduler.exit_gracefully = exit_gracefully


# While an executor looks whether submitted jobs have ended, it holds them in a list that its `cancel` does not see: Ctrl-C at such
# a moment, which a slow queue makes long, left every one of them running.
if not hasattr(RemoteExecutor.cancel, "follows"):

    def report_job_submission(
        self, job_info, register_job=True, first=RemoteExecutor.report_job_submission
    ):
        self.__dict__.setdefault("submitted", {})[job_info.job] = job_info
        first(self, job_info, register_job)

    def cancel(self):
        submitted = self.__dict__.get("submitted", {})
        running = self.workflow.scheduler.running
        self.cancel_jobs([submitted[job] for job in running if job in submitted])
        self.shutdown()

    cancel.follows = True
    RemoteExecutor.report_job_submission = report_job_submission
    RemoteExecutor.cancel = cancel
