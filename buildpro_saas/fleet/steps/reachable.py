"""The last check: does the site answer?"""

from buildpro_saas.agent.errors import TransientError
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step

OK, UNAVAILABLE = 200, 503


class CheckReachable(Step):
	"""A tenant becomes Active only after its own site has answered under its own Host header, with what only that site knows.

	Any site answers 200 to a ping: the bench's `default_site`, or one that a proxy names.
	"""

	title = "Check that it answers"
	# a web server that is being restarted is back within minutes; another site's answer stays what it is
	retry = RetryPolicy(attempts=6)

	def run(self, context: Context) -> dict:
		name = context.site.name
		answer = context.bench.do("ask_site", site=name, port=context.bench_row["web_port"])
		_check_status(answer.status, answer.url, name)
		if not answer.is_itself:
			raise _another_site(answer.url, name)
		context.log(f"{name} itself answered at {answer.url}")
		return {"answered": answer.status}


def _check_status(status: int, url: str, site: str) -> None:
	if status == OK:
		return
	if status == UNAVAILABLE:
		raise TransientError(
			f"{site} answered {status}: it is in maintenance mode.",
			f"End that with `bench --site {site} set-maintenance-mode off`, then press Retry.",
		)
	if status in (404, 417):
		raise _another_site(url, site, status)
	raise TransientError(
		f"{url} answered {status} for {site}.",
		"See that the bench's web server runs (`bench start`, or supervisor), then press Retry.",
	)


def _another_site(url: str, site: str, status: int = OK) -> TransientError:
	return TransientError(
		f"What answers ({status}) at {url} under the name of {site} is not that site.",
		"See that neither `default_site` in sites/common_site_config.json nor a proxy's header X-Frappe-Site-Name names another"
		" site, and that the web server runs this bench and was restarted after the app's last update. Then press Retry.",
	)
