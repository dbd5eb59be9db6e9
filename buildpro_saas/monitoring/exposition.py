"""The numbers in the words of Prometheus and OpenMetrics. Plain data in, text out; prometheus-client writes the format.

Counters are told as they are kept, cumulative. Whoever reads them reckons the rates, and a scrape that was missed costs nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from buildpro_saas.monitoring.metric_names import BY_KEY, COUNTER, MOMENT, SITE, metric_of
from buildpro_saas.monitoring.rates import WITHIN

PREFIX = "buildpro"
MOST_TENANTS = 5000  # each has some forty numbers; what is beyond is told as a number
IN_HISTOGRAM = (WITHIN, "request_seconds")
HISTOGRAM = f"{PREFIX}_site_request_duration_seconds"
Numbers = Mapping[str, float]


@dataclass(frozen=True)
class Told:
	"""All that is exposed. of_benches: {bench: (when, numbers)}. of_tenants: {tenant: (bench, when, numbers)}.

	others: [(name, help, names of its labels, [(values of its labels, number)])], gauges that come from records.
	"""

	of_benches: Mapping[str, tuple[float, Numbers]] = field(default_factory=dict)
	of_tenants: Mapping[str, tuple[str, float, Numbers]] = field(default_factory=dict)
	others: Iterable[tuple[str, str, tuple[str, ...], list[tuple[tuple[str, ...], float]]]] = ()


def text(told: Told, accepted: str = "") -> tuple[bytes, str]:
	"""(the text, its content type): OpenMetrics where the header Accept asks for it, else the older format."""
	registry = CollectorRegistry(auto_describe=False)
	registry.register(_Collector(told))
	encode, content_type = choose_encoder(accepted)
	return encode(registry), content_type


class _Collector:
	"""What prometheus-client asks for metrics."""

	def __init__(self, told: Told):
		self.told = told

	def describe(self) -> list[Metric]:
		"""Nothing beforehand: there is one collector, and no name is there twice."""
		return []

	def collect(self) -> Iterator[Metric]:
		"""All families, those of a tenant's site with the labels `bench` and `tenant`."""
		told = self.told
		kept = dict(sorted(told.of_tenants.items())[:MOST_TENANTS])
		yield _gauge(
			f"{PREFIX}_tenants_left_out",
			"Tenants whose numbers are not told, for there are too many",
			(),
			[((), len(told.of_tenants) - len(kept))],
		)
		when = [((bench,), at) for bench, (at, _numbers) in told.of_benches.items()]
		yield _gauge(
			f"{PREFIX}_bench_read_timestamp_seconds", "When the bench was read last", ("bench",), when
		)
		yield from _families(
			{(bench,): numbers for bench, (_at, numbers) in told.of_benches.items()}, ("bench",)
		)
		of_sites = {(bench, tenant): numbers for tenant, (bench, _at, numbers) in kept.items()}
		yield from _families(of_sites, ("bench", "tenant"))
		yield _histogram(of_sites)
		for name, help, labels, rows in told.others:
			yield _gauge(f"{PREFIX}_{name}", help, labels, rows)


def _families(numbers: Mapping[tuple[str, ...], Numbers], labels: tuple[str, ...]) -> Iterator[Metric]:
	"""A family for each metric that has a number, in the order of metric_names."""
	rows: dict[str, list[tuple[tuple[str, ...], float]]] = defaultdict(list)
	for subject, of in numbers.items():
		for key, number in of.items():
			if (known := metric_of(key)) and known[0].key not in IN_HISTOGRAM:
				rows[known[0].key].append(((*subject, known[1]) if known[1] else subject, number))
	for key, metric in BY_KEY.items():
		if key not in rows:
			continue
		all_labels = (*labels, metric.label) if metric.label else labels
		kind = CounterMetricFamily if metric.kind == COUNTER else GaugeMetricFamily
		family = kind(name_of(key), metric.help, labels=all_labels)
		for values, number in rows[key]:
			family.add_metric(values, number)
		yield family


def name_of(key: str) -> str:
	"""The name of a metric for Prometheus, without the `_total` of counters."""
	metric = BY_KEY[key]
	words = key
	if metric.unit == MOMENT:
		words = f"{key.removesuffix('_at').removesuffix('_since')}_timestamp_seconds"
	return f"{PREFIX}_{'site' if metric.level == SITE else 'bench'}_{words}"


def _gauge(
	name: str, help: str, labels: tuple[str, ...], rows: Iterable[tuple[tuple[str, ...], float]]
) -> Metric:
	family = GaugeMetricFamily(name, help, labels=labels)
	for values, number in rows:
		family.add_metric(values, number)
	return family


def _histogram(of_sites: Mapping[tuple[str, str], Numbers]) -> Metric:
	family = HistogramMetricFamily(HISTOGRAM, "How long requests took", labels=("bench", "tenant"))
	for subject, numbers in of_sites.items():
		classes = {
			key.partition(".")[2]: number for key, number in numbers.items() if key.startswith(f"{WITHIN}.")
		}
		if "requests" in numbers and classes:
			ends = sorted(classes, key=float)
			buckets = [(str(float(end)), classes[end]) for end in ends] + [("+Inf", numbers["requests"])]
			family.add_metric(subject, buckets, sum_value=numbers.get("request_seconds", 0))
	return family
