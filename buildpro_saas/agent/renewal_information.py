"""Asks an authority when it would have a certificate renewed (ARI, RFC 9773). The `acme` library that fits the framework cannot."""

import time
from datetime import datetime

from buildpro_saas.agent.acme_client import AcmeClient
from buildpro_saas.agent.acme_network import RefusedError, wait_until
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.certificate_facts import Authority, RenewalInfo
from buildpro_saas.agent.certificate_reading import renewal_id
from buildpro_saas.agent.certificate_store import CertificateStore

LOOK_AGAIN = 6 * 3600.0  # seconds, where the authority does not say when to ask again
SOONEST, LATEST = 60.0, 24 * 3600.0  # RFC 9773, 4.3.2: what an authority says is kept within bounds


def ask(bench: Bench, certificate: str, authority: Authority) -> RenewalInfo | None:
	"""What the authority says of the installed certificate; None where it says nothing.

	Raises AgentError where there is no such certificate; TransientError where the authority does not answer.
	"""
	id = renewal_id(CertificateStore(bench).leaf(certificate))
	client = AcmeClient(bench, authority)
	url = client.renewal_url(id) if id else ""
	if not url:
		return None
	try:
		told, response = client.unsigned(url)
	except RefusedError as error:
		if error.is_transient:
			raise
		return None  # it does not know the certificate: another authority's, or one that was revoked long ago
	start, end = (_moment(told.get("suggestedWindow"), key) for key in ("start", "end"))
	if start is None or end is None or end <= start:
		return None
	now = time.time()
	pause = (wait_until(response, now) or now + LOOK_AGAIN) - now
	explanation = told.get("explanationURL")
	return RenewalInfo(
		start,
		end,
		now + min(max(pause, SOONEST), LATEST),
		explanation if isinstance(explanation, str) else "",
	)


def _moment(window: object, key: str) -> float | None:
	told = window.get(key) if isinstance(window, dict) else None
	try:
		moment = datetime.fromisoformat(str(told).replace("Z", "+00:00"))
	except ValueError:
		return None
	return moment.timestamp() if moment.tzinfo else None
