"""Every metric: its key, unit, help, kind and level. Storage, Prometheus, commands and Desk go by this one list.

The key of a number is the metric's own, and for a metric with a label `key.value`, such as `disk_free_bytes.sites`.
"""

from dataclasses import dataclass

COUNTER, GAUGE = "counter", "gauge"
SITE, BENCH = "site", "bench"
BYTES, SECONDS, MOMENT, NUMBER, YES = "bytes", "seconds", "seconds since the epoch", "", "1 for yes"


@dataclass(frozen=True)
class Metric:
	"""One metric. label: what its numbers are told apart by; empty for one number. most: how many values the label may have."""

	key: str
	unit: str
	help: str
	kind: str = GAUGE
	level: str = SITE
	label: str = ""
	most: int = 20


def _site(key: str, unit: str, help: str, kind: str = GAUGE, label: str = "") -> Metric:
	return Metric(key, unit, help, kind, SITE, label)


def _bench(key: str, unit: str, help: str, kind: str = GAUGE, label: str = "") -> Metric:
	return Metric(key, unit, help, kind, BENCH, label)


OF_SITES = (
	_site("database_bytes", BYTES, "What the files of its tables take"),
	_site("files_public_bytes", BYTES, "Its public files"),
	_site("files_private_bytes", BYTES, "Its private files, without backups"),
	_site("backups_bytes", BYTES, "Backups that lie in the site's own folder"),
	_site("users_enabled", NUMBER, "Enabled users, without Administrator and Guest"),
	_site("users_active_day", NUMBER, "Users who were active within a day"),
	_site("logins_day", NUMBER, "Users whose last sign-in was within a day"),
	_site("sessions_hour", NUMBER, "Sessions that were used within the hour"),
	_site("seen_at", MOMENT, "When one of its users was last active"),
	_site("mails_waiting", NUMBER, "Mails that wait in its queue"),
	_site("mails_failed", NUMBER, "Mails that could not be sent"),
	_site("errors_hour", NUMBER, "Rows of its Error Log of the last hour"),
	_site("scheduled_jobs_stopped", NUMBER, "Scheduled jobs that somebody has stopped"),
	_site("scheduler_ran_at", MOMENT, "When its scheduler last started a job"),
	_site("is_scheduler_enabled", YES, "Whether its System Settings let the scheduler run"),
	_site("jobs_queued", NUMBER, "Background jobs that wait for a worker"),
	_site("jobs_failed", NUMBER, "Background jobs among those that RQ keeps as failed"),
	_site("jobs_oldest_seconds", SECONDS, "How long the next of its background jobs has waited"),
	_site("jobs_done", NUMBER, "Background jobs that ended (framework's monitor log)", COUNTER),
	_site("jobs_scheduled", NUMBER, "Those of them that the scheduler had started", COUNTER),
	_site("job_seconds", SECONDS, "How long its background jobs took in all", COUNTER),
	_site("job_wait_seconds", SECONDS, "How long they had waited for a worker in all", COUNTER),
	_site("requests", NUMBER, "Requests", COUNTER),
	_site("requests_api", NUMBER, "Requests below /api/", COUNTER),
	_site("responses_4xx", NUMBER, "Answers with a status from 400 to 499", COUNTER),
	_site("responses_5xx", NUMBER, "Answers with a status from 500 on", COUNTER),
	_site("response_bytes", BYTES, "What was answered", COUNTER),
	_site("request_seconds", SECONDS, "How long requests took in all", COUNTER),
	_site("requests_within", NUMBER, "Requests that took so many seconds at most", COUNTER, "le"),
	_site("database_cpu_seconds", SECONDS, "Processor time of its statements (userstat)", COUNTER),
	_site("database_seconds", SECONDS, "Time of its statements (userstat)", COUNTER),
	_site("database_rows_read", NUMBER, "Rows that its statements read (userstat)", COUNTER),
	_site("database_sent_bytes", BYTES, "What its statements answered (userstat)", COUNTER),
	_site("is_unread", YES, "Whether something of it could not be read"),
)
OF_BENCHES = (
	_bench("sites", NUMBER, "Sites of the bench"),
	_bench("sites_unread", NUMBER, "Sites of which something could not be read"),
	_bench("read_seconds", SECONDS, "How long the reading took"),
	_bench("cpus", NUMBER, "Processors of the machine"),
	_bench("cpu_seconds", SECONDS, "Processor time that was used", COUNTER),
	_bench("cpu_wait_seconds", SECONDS, "Processor time that went by waiting for a disk", COUNTER),
	_bench("load_1", NUMBER, "Load of a minute"),
	_bench("load_5", NUMBER, "Load of five minutes"),
	_bench("load_15", NUMBER, "Load of a quarter of an hour"),
	_bench("memory_bytes", BYTES, "Memory of the machine"),
	_bench("memory_free_bytes", BYTES, "Memory that can be taken without swapping"),
	_bench("memory_kills", NUMBER, "Processes that the kernel has ended for want of memory", COUNTER),
	_bench("swap_bytes", BYTES, "Swap"),
	_bench("swap_used_bytes", BYTES, "Swap in use"),
	_bench("network_received_bytes", BYTES, "What came in by the network", COUNTER),
	_bench("network_sent_bytes", BYTES, "What went out by the network", COUNTER),
	_bench("up_since", MOMENT, "When the machine was started"),
	_bench("disk_bytes", BYTES, "Size of the disk", label="disk"),
	_bench("disk_free_bytes", BYTES, "Free on the disk", label="disk"),
	_bench("disk_inodes", NUMBER, "Files that the disk can have", label="disk"),
	_bench("disk_free_inodes", NUMBER, "Files that the disk can still have", label="disk"),
	_bench("mariadb_connections", NUMBER, "Connections that are open"),
	_bench("mariadb_connections_limit", NUMBER, "Connections that may be open"),
	_bench("mariadb_threads_running", NUMBER, "Connections that are at work"),
	_bench("mariadb_most_connections", NUMBER, "The most connections at once since it began"),
	_bench("mariadb_connections_made", NUMBER, "Connections that were tried", COUNTER),
	_bench("mariadb_connections_refused", NUMBER, "Connections that failed", COUNTER),
	_bench("mariadb_statements", NUMBER, "Statements", COUNTER),
	_bench("mariadb_slow_statements", NUMBER, "Statements that took longer than long_query_time", COUNTER),
	_bench("mariadb_buffer_reads", NUMBER, "Pages that were asked for", COUNTER),
	_bench("mariadb_buffer_misses", NUMBER, "Pages that had to be read from disk", COUNTER),
	_bench("mariadb_buffer_data_bytes", BYTES, "What the buffer pool holds"),
	_bench("mariadb_buffer_bytes", BYTES, "Size of the buffer pool"),
	_bench("mariadb_lock_waits_now", NUMBER, "Statements that wait for a row's lock"),
	_bench("mariadb_lock_waits", NUMBER, "Statements that have waited for a row's lock", COUNTER),
	_bench("mariadb_deadlocks", NUMBER, "Deadlocks", COUNTER),
	_bench("mariadb_open_tables", NUMBER, "Tables that are open"),
	_bench("mariadb_open_tables_limit", NUMBER, "Tables that may be kept open"),
	_bench("mariadb_tables_opened", NUMBER, "Tables that were opened", COUNTER),
	_bench("mariadb_open_definitions", NUMBER, "Definitions of tables that are kept"),
	_bench("mariadb_definitions_limit", NUMBER, "Definitions of tables that may be kept"),
	_bench("mariadb_disk_tables", NUMBER, "Temporary tables on disk", COUNTER),
	_bench("mariadb_received_bytes", BYTES, "What it was sent", COUNTER),
	_bench("mariadb_sent_bytes", BYTES, "What it has sent", COUNTER),
	_bench("mariadb_uptime_seconds", SECONDS, "Since it began"),
	_bench("mariadb_binary_log_bytes", BYTES, "Its binary log"),
	_bench("mariadb_is_read_only", YES, "Whether it refuses to write"),
	_bench("mariadb_counts_users", YES, "Whether it counts who uses it (userstat)"),
	_bench("mariadb_writes_log", YES, "Whether it writes a binary log"),
	_bench("mariadb_is_up", YES, "Whether it answered"),
	_bench("redis_is_up", YES, "Whether it answered", label="server"),
	_bench("redis_memory_bytes", BYTES, "What it holds", label="server"),
	_bench("redis_memory_limit_bytes", BYTES, "What it may hold; 0 for no limit", label="server"),
	_bench("redis_clients", NUMBER, "Connections", label="server"),
	_bench("redis_evictions", NUMBER, "Keys that had to go for others", COUNTER, "server"),
	_bench("redis_connections_refused", NUMBER, "Connections beyond its limit", COUNTER, "server"),
	_bench("redis_hits", NUMBER, "Keys that were found", COUNTER, "server"),
	_bench("redis_misses", NUMBER, "Keys that were not found", COUNTER, "server"),
	_bench("redis_uptime_seconds", SECONDS, "Since it began", label="server"),
	_bench(
		"redis_write_errors", NUMBER, "Ways of writing to disk of which the last try failed", label="server"
	),
	_bench("queue_length", NUMBER, "Jobs that wait", label="queue"),
	_bench("queue_failed", NUMBER, "Jobs that RQ keeps as failed", label="queue"),
	_bench("queue_oldest_seconds", SECONDS, "How long the next job has waited", label="queue"),
	_bench("queue_workers", NUMBER, "Workers that take its jobs and are alive", label="queue"),
	_bench("workers", NUMBER, "Workers that are alive"),
	_bench("workers_busy", NUMBER, "Workers that are at a job"),
	_bench("workers_dead", NUMBER, "Workers that RQ knows, and of which the process is gone"),
	*(
		metric
		for kind, of in (
			("web", "Web workers"),
			("web_worker", "Background workers"),
			("web_scheduler", "The scheduler"),
			("web_socketio", "socket.io"),
		)
		for metric in (
			_bench(f"{kind}_processes", NUMBER, f"{of}: processes of this user"),
			_bench(f"{kind}_memory_bytes", BYTES, f"{of}: memory, what is shared counted for each"),
			_bench(
				f"{kind}_cpu_seconds", SECONDS, f"{of}: processor time of the processes that are there now"
			),
		)
	),
	_bench("log_lines", NUMBER, "Entries of logs that the last reading took in"),
	_bench("log_lines_bad", NUMBER, "Entries of logs that could not be understood"),
)
BY_KEY = {metric.key: metric for metric in (*OF_SITES, *OF_BENCHES)}


def metric_of(key: str) -> tuple[Metric, str] | None:
	"""(the metric, the value of its label) of a number's key; None for one that is not on the list."""
	name, _dot, value = key.partition(".")
	metric = BY_KEY.get(name)
	if metric is None or bool(metric.label) != bool(value):
		return None
	return metric, value


def counters_of(keys) -> set[str]:
	"""Those of the keys whose numbers only grow, until a process begins anew."""
	return {key for key in keys if (known := metric_of(key)) and known[0].kind == COUNTER}
