"""What a part of a run of a job ends in."""

from enum import Enum


class Outcome(Enum):
	"""What a part of a run ended in."""

	GO_ON = "the next step is to be run"
	ENDED = "the job's end is on record"
	CANCEL = "staff pressed Cancel: what was done is to be undone"


class GiveBack(Exception):
	"""The job has to wait longer than a worker should. It is dispatched again after `delay` seconds."""

	def __init__(self, delay: float, batch: str = ""):
		super().__init__(delay)
		self.delay, self.batch = delay, batch
