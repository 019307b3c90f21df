"""A disk without a process: recordings are written at once, where they are asked for."""

from ringback.media.takes import Append, Job, Outcome, Takes


class InlineDisk:
    """A disk that does at once what it is told; it can be told to have no room, and to fall silent."""

    def __init__(self) -> None:
        self.takes = Takes()
        self.jobs: list[Job] = []
        self.room = True
        self.answers = True
        self.ended: list[Outcome] = []

    def post(self, job: Job) -> bool:
        self.jobs.append(job)
        if isinstance(job, Append) and not self.room:
            return False
        self.ended += self.takes.do(job)
        return True

    def outcomes(self) -> list[Outcome]:
        if not self.answers:
            return []
        ended, self.ended = self.ended, []
        return ended
