"""The last word: does the site answer?"""

import requests

from buildpro_saas.agent.errors import TransientError
from buildpro_saas.provisioning.playbook import Context, Step

TIMEOUT = 30  # seconds for one request; a site's first one loads its hooks and caches


class CheckReachable(Step):
	"""A tenant is Active only because an HTTP 200 was seen from its site under its own Host header."""

	title = "Check that it answers"

	def run(self, context: Context) -> dict:
		url = f"http://127.0.0.1:{context.bench_row['web_port']}/api/method/ping"
		with requests.Session() as session:
			session.trust_env = False  # a proxy of the environment is not for this machine's own address
			answer = session.get(
				url, headers={"Host": context.site.name}, timeout=TIMEOUT, allow_redirects=False
			)
		if answer.status_code != 200:
			raise TransientError(
				f"{url} answered {answer.status_code} for {context.site.name}.",
				"See that the bench's web server runs (`bench start`, or supervisor), then press Retry.",
			)
		context.log(f"HTTP 200 from {url} as {context.site.name}")
		return {"answered": answer.status_code}
