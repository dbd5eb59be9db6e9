"""The last word: does the site answer?"""

import secrets

import requests

from buildpro_saas.agent import proof
from buildpro_saas.agent.errors import TransientError
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step

TIMEOUT = 30  # seconds for one request; a site's first one loads its hooks and caches
METHOD = "buildpro_saas.tenant_site.identity.prove"
OK, UNAVAILABLE = 200, 503


class CheckReachable(Step):
	"""A tenant is Active only because its own site answered under its own Host header, with what only that site knows.

	Any site answers 200 to a ping: the bench's `default_site`, or the one that a proxy names.
	"""

	title = "Check that it answers"
	# a web server that is being restarted is back within minutes; another site's answer stays what it is
	retry = RetryPolicy(attempts=6)

	def run(self, context: Context) -> dict:
		site, nonce = context.site, secrets.token_urlsafe(16)
		secret = site.config[proof.SECRET]
		url = f"http://127.0.0.1:{context.bench_row['web_port']}/api/method/{METHOD}"
		with requests.Session() as session:
			session.trust_env = False  # a proxy of the environment is not for this machine's own address
			answer = session.get(
				url,
				params={"nonce": nonce, "question": proof.question(secret, site.name, nonce)},
				headers={"Host": site.name, "Accept": "application/json"},
				timeout=TIMEOUT,
				allow_redirects=False,
			)
		_check_status(answer.status_code, url, site.name)
		if not proof.is_right(_answer(answer), proof.answer(secret, site.name, nonce)):
			raise _another_site(url, site.name)
		context.log(f"{site.name} itself answered at {url}")
		return {"answered": answer.status_code}


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


def _answer(answer: requests.Response) -> str:
	try:
		return str(answer.json()["message"]["answer"])
	except (ValueError, KeyError, TypeError):
		return ""
