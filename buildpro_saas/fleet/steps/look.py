"""Looking at what is to be taken in."""

from buildpro_saas.fleet import benches, looks, taking_in
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step


class LookAtSite(Step):
	"""Read the site, or the backup to its end, and keep with the Site Intake what it is and what stands in the way. Nothing is touched."""

	title = "Look"
	timeout = taking_in.SURVEY_SECONDS
	retry = RetryPolicy(attempts=3)

	def run(self, context: Context) -> None:
		origin, bench = self._origin(context), context.bench_row
		keep_free = int((bench["min_free_disk_gb"] or 0) * benches.GB)

		def run(name: str, **spec):
			return context.run(name, self.timeout, **spec)

		try:
			found = taking_in.run_survey(run, origin, keep_free)
		finally:
			taking_in.drop_uploads(origin)
		told = taking_in.report(found, context.inputs["origin"], context.inputs["plan"], bench["name"])
		told["faults"] += context.inputs["faults"]
		for line in taking_in.lines(told):
			context.log(line)
		# last: it is committed together with the step's end
		if not looks.keep(context.inputs, told):
			context.log("The Site Intake is about something else by now")

	def undo(self, context: Context) -> None:
		taking_in.drop_uploads(self._origin(context))

	def _origin(self, context: Context) -> dict:
		"""What is looked at; uploads in a folder of its own: another look, or the taking in, may have one at the same time."""
		origin = context.inputs["origin"]
		is_uploaded = origin["kind"] == taking_in.UPLOADS
		return {**origin, "of": f"{origin['of']}-{context.job}"} if is_uploaded else origin
