"""What Prometheus is told, and the files that docs/ has for it, held against Debian's promtool."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from buildpro_saas.monitoring import exposition
from buildpro_saas.monitoring.exposition import Told
from buildpro_saas.monitoring.metric_names import BY_KEY, COUNTER, OF_BENCHES, OF_SITES

FILES = Path(__file__).parents[2] / "docs/monitoring"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
CLASSES = {"requests_within.0.1": 3, "requests_within.1": 4}


def all_of(metrics) -> dict[str, float]:
	"""A number for each metric."""
	return {f"{each.key}.one" if each.label else each.key: 5 for each in metrics if each.label != "le"}


def told(**values) -> Told:
	numbers = {**all_of(OF_SITES), **CLASSES, "request_seconds": 2.5}
	return Told(
		of_benches={"main": (1000.0, all_of(OF_BENCHES))},
		of_tenants={"acme": ("main", 1000.0, numbers), "globex": ("main", 1000.0, {"is_unread": 1})},
		**{"others": [("tenants", "Tenants", ("plan", "status"), [(("Core", "Active"), 2)])], **values},
	)


def promtool(*arguments: str, text: bytes = b"") -> subprocess.CompletedProcess:
	program = shutil.which("promtool")
	assert program, "`make test` unpacks promtool (dev/unpacked.py)"
	return subprocess.run([program, *arguments], input=text, capture_output=True, cwd=FILES, timeout=60)


def families(text: bytes) -> dict:
	return {each.name: each for each in text_string_to_metric_families(text.decode())}


def test_promtool_finds_nothing_wrong_with_the_text():
	text, content_type = exposition.text(told())
	assert content_type.startswith("text/plain")
	done = promtool("check", "metrics", text=text)
	assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_promtool_would_find_something():
	done = promtool("check", "metrics", text=b"# TYPE wrongName counter\nwrongName 1\n")
	assert done.returncode


def test_open_metrics_are_told_to_who_asks_for_them():
	text, content_type = exposition.text(told(), OPEN_METRICS)
	assert content_type.startswith("application/openmetrics-text") and text.endswith(b"# EOF\n")
	found = families(text)
	(requests,) = found["buildpro_site_requests"].samples
	assert requests.name == "buildpro_site_requests_total"
	assert requests.labels == {"bench": "main", "tenant": "acme"} and requests.value == 5
	assert found["buildpro_bench_disk_free_bytes"].samples[0].labels == {"bench": "main", "disk": "one"}
	assert found["buildpro_tenants"].samples[0].value == 2


def test_latency_is_a_histogram():
	samples = families(exposition.text(told(), OPEN_METRICS)[0])[exposition.HISTOGRAM].samples
	found = {(each.name.rpartition("_")[2], each.labels.get("le")): each.value for each in samples}
	assert found == {
		("bucket", "0.1"): 3,
		("bucket", "1.0"): 4,
		("bucket", "+Inf"): 5,
		("count", None): 5,
		("sum", None): 2.5,
	}


def test_every_metric_is_told_once():
	found = families(exposition.text(told(), OPEN_METRICS)[0])
	wanted = {exposition.name_of(key) for key in BY_KEY if key not in exposition.IN_HISTOGRAM}
	assert wanted <= found.keys()
	assert all(
		found[exposition.name_of(key)].type == "counter"
		for key in BY_KEY
		if BY_KEY[key].kind == COUNTER and key not in exposition.IN_HISTOGRAM
	)


def test_of_too_many_tenants_the_rest_is_counted(monkeypatch):
	monkeypatch.setattr(exposition, "MOST_TENANTS", 1)
	found = families(exposition.text(told(), OPEN_METRICS)[0])
	assert {each.labels["tenant"] for each in found["buildpro_site_is_unread"].samples} == {"acme"}
	assert found["buildpro_tenants_left_out"].samples[0].value == 1


def test_what_nobody_has_ever_measured_is_no_error():
	text, _type = exposition.text(Told(), OPEN_METRICS)
	assert families(text)["buildpro_tenants_left_out"].samples[0].value == 0


@pytest.mark.parametrize("value", ['a"b', "a\nb", "a\\b", "ä"])
def test_labels_are_escaped(value):
	rows = [("tenants", "Tenants", ("plan", "status"), [((value, "Active"), 1)])]
	(sample,) = families(exposition.text(told(others=rows), OPEN_METRICS)[0])["buildpro_tenants"].samples
	assert sample.labels["plan"] == value


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
	"arguments", [("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")], ids=" ".join
)
def test_promtool_takes_the_rules(arguments):
	done = promtool(*arguments)
	assert done.returncode == 0, (done.stdout + done.stderr).decode()


def test_promtool_takes_the_configuration(tmp_path):
	for name in ("prometheus.yml", "alerts.yml"):
		shutil.copy(FILES / name, tmp_path)
	(tmp_path / "buildpro.token").write_text("x" * 64)
	done = promtool("check", "config", str(tmp_path / "prometheus.yml"))
	assert done.returncode == 0, (done.stdout + done.stderr).decode()


@pytest.mark.parametrize("name", ["alerts.yml", "alerts_test.yml", "grafana.json"])
def test_the_files_name_metrics_that_there_are(name):
	"""Those of records are in recorded.py."""
	import buildpro_saas.monitoring.recorded as recorded

	known = {
		f"{exposition.name_of(key)}{'_total' if metric.kind == COUNTER else ''}"
		for key, metric in BY_KEY.items()
	}
	known |= {
		f"{exposition.HISTOGRAM}_bucket",
		"buildpro_bench_read_timestamp_seconds",
		"buildpro_tenants_left_out",
	}
	known |= {
		f"buildpro_{found}" for found in re.findall(r'"([a-z_]+)"', Path(recorded.__file__).read_text())
	}
	named = set(re.findall(r"\bbuildpro_[a-z0-9_]+", (FILES / name).read_text()))
	assert named and not named - known


def test_grafanas_board_is_json_with_a_question_in_each_panel():
	board = json.loads((FILES / "grafana.json").read_text())
	assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) > 10
	assert all(target["expr"] for panel in board["panels"] for target in panel["targets"])
