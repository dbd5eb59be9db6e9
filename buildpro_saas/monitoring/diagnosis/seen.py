"""What is seen of a layer, and what all of them come to. Plain data."""

from dataclasses import dataclass, field

from buildpro_saas.monitoring.diagnosis.faults import Fault

OK, WRONG, UNKNOWN = "ok", "wrong", "unknown"


@dataclass(frozen=True)
class Seen:
	"""One thing that was looked at in a layer.

	state: OK, WRONG or UNKNOWN. fault: a name of faults.py; "" unless it is wrong. stops: the site, or a part of it, does not work for that.
	evidence: what was seen, a sentence each. behind: the layer whose fault makes this one wrong; "" where it is wrong by itself.
	"""

	layer: str
	state: str
	sentence: str
	evidence: list[str] = field(default_factory=list)
	advice: str = ""
	fault: str = ""
	stops: bool = False
	behind: str = ""


def ok(layer: str, sentence: str, *evidence: str) -> Seen:
	"""The layer is as it should be."""
	return Seen(layer, OK, sentence, list(evidence))


def unknown(layer: str, sentence: str, *evidence: str) -> Seen:
	"""Nobody can tell: it was not looked at, or the look failed."""
	return Seen(layer, UNKNOWN, sentence, list(evidence))


def wrong(
	layer: str, fault: Fault, sentence: str, advice: str, *evidence: str, stops: bool | None = None
) -> Seen:
	"""Something is wrong. stops: where that is not as with this fault in general."""
	is_stopping = fault.stops if stops is None else stops
	return Seen(layer, WRONG, sentence, list(evidence), advice, fault.name, is_stopping)


@dataclass(frozen=True)
class Diagnosis:
	"""All that was seen of a tenant's site, in the order of the way from the visitor to the data. seconds: how long it took."""

	tenant: str
	site: str
	host: str
	seconds: float
	seen: list[Seen]

	@property
	def first(self) -> Seen | None:
		"""The first that is wrong by itself, of those that stop the site; where nothing does, the first that hinders it. None for neither."""
		causes = [each for each in self.seen if each.state == WRONG and not each.behind]
		return next((each for each in causes if each.stops), causes[0] if causes else None)

	@property
	def behind_it(self) -> list[str]:
		"""The layers that are wrong only since the first one is."""
		first = self.first
		named = (
			each.layer
			for each in self.seen
			if first and each.behind == first.layer and each.layer != first.layer
		)
		return list(dict.fromkeys(named))

	@property
	def faults(self) -> list[str]:
		"""The names of all faults, in their order."""
		return [each.fault for each in self.seen if each.fault]

	@property
	def summary(self) -> str:
		"""One sentence or two: what is wrong first, and what that makes wrong."""
		if not (first := self.first):
			unseen = list(dict.fromkeys(each.layer for each in self.seen if each.state == UNKNOWN))
			left_out = f" Not looked at: {', '.join(unseen)}." if unseen else ""
			return f"Nothing wrong was found with {self.host}.{left_out}"
		behind = f" Behind it: {', '.join(self.behind_it)}." if self.behind_it else ""
		return f"{first.layer}: {first.sentence}{behind}"

	def as_dict(self) -> dict:
		"""The same as plain data: {"tenant", "site", "host", "seconds", "summary", "first": layer, fault and advice, or None, "seen"}."""
		first = self.first
		return {
			**{"tenant": self.tenant, "site": self.site, "host": self.host, "seconds": self.seconds},
			"summary": self.summary,
			"first": first and {"layer": first.layer, "fault": first.fault, "advice": first.advice},
			"behind": self.behind_it,
			"seen": [vars(each) for each in self.seen],
		}
