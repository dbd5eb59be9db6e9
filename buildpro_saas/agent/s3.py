"""A store in a bucket of any service that speaks S3: what restic does not do there itself, and what its refusals mean."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property

from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.agent.store_place import BESIDE, Place, digest_of

CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 10, 60, 3
AT_ONCE = 1000  # objects that one request may remove
# What of a store may go also where nothing else may: restic's locks. The probe lies where they do, so that one rule of the bucket lets both go.
LOCKS = "locks/"
NO_KEY = ("404", "NoSuchKey")
NOT_THERE = (*NO_KEY, "NotFound")
UNKNOWN = "NotImplemented"  # a service that has no such request
# How a service refuses: its codes, in place of {bucket} and {endpoint}: what is wrong, what to do. {doing}: read, write or delete.
KEYS = "See access key and secret key (SaaS Settings; of `recover-admin-site` those that it was given)."
REFUSALS = (
	(
		("InvalidAccessKeyId", "InvalidToken"),
		"{endpoint} does not know the access key.",
		KEYS,
	),
	(
		("SignatureDoesNotMatch",),
		"The secret key does not belong to the access key, says {endpoint}.",
		KEYS,
	),
	(
		("RequestTimeTooSkewed", "RequestExpired"),
		"The clock of the bench's machine differs too much from that of {endpoint}.",
		"Set the clock of the bench's machine (`timedatectl`).",
	),
	(
		("NoSuchBucket",),
		"{endpoint} has no bucket {bucket}.",
		"Make it there, or name another one (SaaS Settings; of `recover-admin-site`: --bucket).",
	),
	(
		("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"),
		"The bucket {bucket} is in another region.",
		"Enter the bucket's region (SaaS Settings; of `recover-admin-site`: --region).",
	),
	(
		("AccessDenied", "AllAccessDisabled", "AccountProblem", "403"),
		"{endpoint} does not let this access key {doing} in the bucket {bucket}.",
		"Give it the rights that `docs/operating.md` lists, or enter another access key.",
	),
	(
		("QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "507"),
		"{endpoint} has no more room for the bucket {bucket}.",
		"Make room there, or let fewer backups be kept offsite.",
	),
)
PASSING = ("SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "500", "502", "503", "504")


@dataclass(frozen=True)
class Bucket:
	"""A bucket, and the account that reaches it. endpoint: a URL; empty for Amazon's of the region. only_adds: nothing may be removed there."""

	endpoint: str
	region: str
	bucket: str
	prefix: str
	access_key: str
	secret_key: str = field(repr=False)
	only_adds: bool = False

	@property
	def url(self) -> str:
		"""The endpoint as a whole URL."""
		return self.endpoint or f"https://s3.{self.region or 'us-east-1'}.amazonaws.com"

	def key(self, name: str) -> str:
		"""The key of what is called so below the prefix."""
		return f"{self.prefix}/{name}" if self.prefix else name

	@cached_property
	def client(self):
		"""boto3's client, which is imported only here: it takes a third of a second, and most processes need none."""
		from boto3.session import Session
		from botocore.config import Config

		config = Config(
			signature_version="s3v4",
			connect_timeout=CONNECT_SECONDS,
			read_timeout=READ_SECONDS,
			retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
		)
		session = Session(self.access_key, self.secret_key, region_name=self.region or "us-east-1")
		return session.client("s3", endpoint_url=self.endpoint or None, config=config)

	@contextmanager
	def doing(self, what: str) -> Iterator[None]:
		"""Say in a sentence what a request meets. what: read, write or delete. Raises AgentError, TransientError for what passes by itself."""
		from botocore.exceptions import BotoCoreError, ClientError

		try:
			yield
		except ClientError as error:
			raise refusal(self, what, str(error.response["Error"].get("Code")), str(error)) from error
		except (BotoCoreError, ValueError) as error:
			raise unreached(self, error) from error

	def put(self, key: str, content: bytes) -> None:
		"""Write an object. With its MD5, without which a bucket with object lock takes none."""
		digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
		with self.doing("write"):
			self.client.put_object(Bucket=self.bucket, Key=key, Body=content, ContentMD5=digest)


def refusal(bucket: Bucket, doing: str, code: str, told: str) -> AgentError:
	"""What a service's error code means."""
	words = {"endpoint": bucket.url, "bucket": bucket.bucket, "doing": doing}
	for codes, sentence, hint in REFUSALS:
		if code in codes:
			return AgentError(sentence.format(**words), hint)
	if code in PASSING:
		return TransientError(
			f"{bucket.url} cannot do it at the moment ({code}).", "It is tried again by itself."
		)
	return AgentError(f"{bucket.url} refuses to {doing} in the bucket {bucket.bucket}: {told}")


def unreached(bucket: Bucket, error: Exception) -> AgentError:
	"""What it means that a service gave no answer."""
	if "SSL" in type(error).__name__:
		return AgentError(
			f"The certificate of {bucket.url} is not trusted: {error}",
			"Correct the endpoint, or add its authority to those of the bench's machine.",
		)
	if isinstance(error, ValueError) or type(error).__name__ == "ParamValidationError":
		return AgentError(
			f"{bucket.url} is no endpoint: {error}", "Enter it as https://HOST, or https://HOST:PORT."
		)
	return TransientError(
		f"{bucket.url} cannot be reached: {error}",
		"See whether the endpoint is right (SaaS Settings; of `recover-admin-site`: --endpoint), and whether the bench's machine reaches it.",
	)


class S3Place(Place):
	"""A store below a bucket's prefix."""

	def __init__(self, bucket: Bucket, store: str):
		self.bucket = bucket
		self._below = bucket.key(store)
		self.url = f"s3:{bucket.url}/{bucket.bucket}/{self._below}"
		# restic reads them from its environment, which its own user alone may see
		self.environment = {
			"AWS_ACCESS_KEY_ID": bucket.access_key,
			"AWS_SECRET_ACCESS_KEY": bucket.secret_key,
			"AWS_DEFAULT_REGION": bucket.region or "us-east-1",
		}

	def has(self, name: str) -> bool:
		"""Whether there is an object of that name."""
		from botocore.exceptions import ClientError

		with self.bucket.doing("read"):
			try:
				self.bucket.client.head_object(Bucket=self.bucket.bucket, Key=self._key(name))
			except ClientError as error:
				if error.response["Error"].get("Code") in NOT_THERE:
					return self._bucket_is_there()
				raise
		return True

	def _bucket_is_there(self) -> bool:
		"""False, for what is asked for is not there. A HEAD does not say whether the bucket is; raises where it is not."""
		self.bucket.client.list_objects_v2(Bucket=self.bucket.bucket, Prefix=self._below, MaxKeys=1)
		return False

	def sizes(self) -> dict[str, int]:
		"""{name: bytes} of all objects of the store."""
		found, start = {}, f"{self._below}/"
		with self.bucket.doing("read"):
			pages = self.bucket.client.get_paginator("list_objects_v2")
			for page in pages.paginate(Bucket=self.bucket.bucket, Prefix=start):
				found |= {each["Key"][len(start) :]: each["Size"] for each in page.get("Contents", ())}
		return found

	def digest(self, name: str) -> str:
		"""SHA-256 of an object's content, as the service gives it back."""
		with self.bucket.doing("read"):
			answer = self.bucket.client.get_object(Bucket=self.bucket.bucket, Key=self._key(name))
			return digest_of(answer["Body"])

	def remove(self, name: str) -> None:
		"""Remove an object; nothing but a lock where nothing may be removed."""
		if self.bucket.only_adds and not name.startswith(LOCKS):
			return
		with self.bucket.doing("delete"):
			self.bucket.client.delete_object(Bucket=self.bucket.bucket, Key=self._key(name))

	def remove_all(self) -> None:
		"""Remove the store, and what lies beside it. Where nothing may be removed, all stays: nobody has its key."""
		if self.bucket.only_adds:
			return
		keys = [*map(self._key, self.sizes()), *(f"{self._below}{ending}" for ending in BESIDE)]
		self.abort_uploads()
		for at in range(0, len(keys), AT_ONCE):
			objects = [{"Key": key} for key in keys[at : at + AT_ONCE]]
			with self.bucket.doing("delete"):
				told = self.bucket.client.delete_objects(
					Bucket=self.bucket.bucket, Delete={"Objects": objects, "Quiet": True}
				)
			if faults := told.get("Errors"):
				raise refusal(self.bucket, "delete", faults[0].get("Code", ""), faults[0].get("Message", ""))

	def beside(self, ending: str) -> bytes | None:
		"""What the object beside the store has; None where there is none."""
		from botocore.exceptions import ClientError

		with self.bucket.doing("read"):
			try:
				answer = self.bucket.client.get_object(
					Bucket=self.bucket.bucket, Key=f"{self._below}{ending}"
				)
			except ClientError as error:
				if error.response["Error"].get("Code") in NO_KEY:
					return None
				raise
			return answer["Body"].read()

	def put_beside(self, ending: str, content: bytes) -> None:
		"""Have that object beside the store."""
		self.bucket.put(f"{self._below}{ending}", content)

	def abort_uploads(self) -> None:
		"""Take away the parts of uploads that were broken off: no list of objects shows them, and they are paid for."""
		from botocore.exceptions import ClientError

		where = {"Bucket": self.bucket.bucket}
		with self.bucket.doing("delete"):
			try:
				pages = self.bucket.client.get_paginator("list_multipart_uploads")
				found = [
					each
					for page in pages.paginate(**where, Prefix=f"{self._below}/")
					for each in page.get("Uploads", ())
				]
			except ClientError as error:
				if error.response["Error"].get("Code") == UNKNOWN:
					return
				raise
			for each in found:
				with suppress(self.bucket.client.exceptions.NoSuchUpload):
					self.bucket.client.abort_multipart_upload(
						**where, Key=each["Key"], UploadId=each["UploadId"]
					)

	def _key(self, name: str) -> str:
		return f"{self._below}/{name}"


def names(bucket: Bucket, ending: str) -> list[str]:
	"""The names below the bucket's prefix that end so, sorted. Names with a further `/` are not looked at."""
	start = bucket.key("")
	found = []
	with bucket.doing("read"):
		pages = bucket.client.get_paginator("list_objects_v2")
		for page in pages.paginate(Bucket=bucket.bucket, Prefix=start, Delimiter="/"):
			found += [each["Key"][len(start) :] for each in page.get("Contents", ())]
	return sorted(name for name in found if name.endswith(ending))


def probe(bucket: Bucket, name: str) -> None:
	"""Write an object, read it back, and delete it. Raises AgentError with what does not work."""
	key, content = bucket.key(f"probe/{LOCKS}{name}"), name.encode()
	bucket.put(key, content)
	try:
		with bucket.doing("read"):
			answer = bucket.client.get_object(Bucket=bucket.bucket, Key=key)
			found = answer["Body"].read()
			bucket.client.list_objects_v2(Bucket=bucket.bucket, Prefix=key, MaxKeys=1)
		if found != content:
			raise AgentError(f"{bucket.url} gives back something else than was written there.")
	except AgentError:
		with suppress(AgentError), bucket.doing("delete"):
			bucket.client.delete_object(Bucket=bucket.bucket, Key=key)
		raise
	with bucket.doing("delete"):
		bucket.client.delete_object(Bucket=bucket.bucket, Key=key)
