"""Certificates of the bench: ordered, stored, uploaded, looked at (agent/certificate_store.py, agent/acme_orders.py).

What speaks ACME is imported where it is used: it takes a sixth of a second, and each process of a bench command imports this file.
"""

from typing import Annotated, Literal

from pydantic import Field

from buildpro_saas.agent import served_certificates, uploaded_certificate
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.certificate_facts import (
	DNS_01,
	HTTP_01,
	ISSUED,
	SELF_SIGNED,
	UPLOADED,
	Asked,
	Authority,
	AuthorityFacts,
	AuthorityFields,
	Begun,
	Certificate,
	RenewalInfo,
	Served,
)
from buildpro_saas.agent.certificate_reading import chain_of, common_name
from buildpro_saas.agent.certificate_store import NAME, CertificateStore
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.operations.operation import in_thread, quick
from buildpro_saas.agent.operations.running import Progress

CertificateName = Annotated[str, Field(pattern=f"^{NAME}$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0)]
FINISHING = 120.0  # seconds that finish_order waits, where its caller names none


@in_thread
def begin_order(
	bench: Bench,
	progress: Progress,
	certificate: CertificateName,
	names: list[str],
	method: Literal[HTTP_01, DNS_01],
	authority: AuthorityFields,
) -> Begun:
	"""Order a certificate, or go on with the order that is under way. For HTTP-01 the files are there then.

	Repeatable: call it before each finish_order. Raises what acme_orders.Order.begin does.
	"""
	return _order(bench, certificate, authority, progress).begin(names, method)


@in_thread
def finish_order(
	bench: Bench,
	progress: Progress,
	certificate: CertificateName,
	order: str,
	authority: AuthorityFields,
	dns_servers: list[str] | None = None,
	seconds: Seconds = FINISHING,
) -> Certificate:
	"""Have the authority look, and install what it issues. Repeatable. Raises what acme_orders.Order.finish does."""
	return _order(bench, certificate, authority, progress).finish(order, dns_servers or [], seconds)


@in_thread
def renewal_info(
	bench: Bench, progress: Progress, certificate: CertificateName, authority: AuthorityFields
) -> RenewalInfo | None:
	"""When the authority would have the certificate renewed; None where it does not say that."""
	from buildpro_saas.agent import renewal_information

	return renewal_information.ask(bench, certificate, Authority(**authority))


@in_thread
def authority_facts(bench: Bench, progress: Progress, authority: AuthorityFields) -> AuthorityFacts:
	"""What an authority says of itself. Raises AgentError where the address is none of an authority's, or it is not trusted."""
	return _client(bench, authority).facts()


@quick
def acme_history(bench: Bench, authority: AuthorityFields) -> list[Asked]:
	"""What the bench's account has asked of the authority within eight days, the oldest first."""
	return _client(bench, authority).history.all()


@quick
def acme_waits_until(bench: Bench, authority: AuthorityFields, certificate: CertificateName) -> float:
	"""When the authority may be asked for the certificate again, by its own Retry-After; 0 for now."""
	return _client(bench, authority).history.waits_until(certificate)


@quick
def certificates(bench: Bench) -> list[Certificate]:
	"""What is installed, by name. What cannot be read has a fault."""
	return CertificateStore(bench).all()


@quick
def install_uploaded(
	bench: Bench, certificate: CertificateName, chain: str, key: str, hosts: list[str] | None = None
) -> Certificate:
	"""Install a customer's own certificate (PEM). hosts: names that it must have. Renewal leaves it alone from then on.

	Raises AgentError with a sentence for the first thing that is wrong with it; nothing is changed then.
	"""
	pem, secret = uploaded_certificate.judged(chain.encode(), key.encode(), hosts or [])
	issuer = common_name(chain_of(pem)[0].issuer)
	store = CertificateStore(bench)
	with store.held(certificate):
		_drop_order(bench, certificate)
		return store.install(
			certificate, store.put(certificate, pem, secret, authority=issuer, method=UPLOADED)
		)


@quick
def make_self_signed(bench: Bench, certificate: CertificateName) -> Certificate:
	"""Have a self-signed certificate of that name: for hosts that have none. Repeatable.

	Raises AgentError where a certificate of another kind has the name.
	"""
	store = CertificateStore(bench)
	with store.held(certificate):
		there = store.find(certificate)
		if there and there.method in (*ISSUED, UPLOADED):
			raise AgentError(f"The certificate {certificate} is there, and is not self-signed.")
		if there and not there.fault:
			return there
		pem, secret = uploaded_certificate.self_signed(certificate)
		return store.install(
			certificate, store.put(certificate, pem, secret, authority="", method=SELF_SIGNED)
		)


@quick
def remove_certificate(bench: Bench, certificate: CertificateName) -> None:
	"""Remove a certificate with its key, and an order for it that is under way. Repeatable."""
	store = CertificateStore(bench)
	with store.held(certificate):
		_drop_order(bench, certificate)
		store.remove(certificate)


@in_thread
def served(
	bench: Bench, progress: Progress, hosts: list[str], port: Port, address: str = "", ca_file: str = ""
) -> dict[str, Served | str]:
	"""Host → the certificate that a server shows for it; a sentence where it shows none. As served_certificates.served has it."""
	return served_certificates.served(hosts, port, address, ca_file)


def _order(bench: Bench, certificate: str, authority: AuthorityFields, progress: Progress):
	from buildpro_saas.agent.acme_orders import Order

	return Order(bench, certificate, Authority(**authority), _pause(progress))


def _client(bench: Bench, authority: AuthorityFields):
	from buildpro_saas.agent.acme_client import AcmeClient

	return AcmeClient(bench, Authority(**authority))


def _drop_order(bench: Bench, certificate: str) -> None:
	from buildpro_saas.agent.acme_order_record import OrderRecord

	OrderRecord(bench, certificate).drop()


def _pause(progress: Progress):
	def pause(seconds: float) -> None:
		progress.is_stopped.wait(seconds)
		progress.check()

	return pause
