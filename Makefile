# Each target is one line to dev/run; `dev/run --help` lists all. Variables: BENCH_HOME, BENCH, FRAPPE_BRANCH, APPS, BENCHES, ARGS, ONLY, FAST, SECONDS, SEED, PROXY (dev/README.md).
.PHONY: demo test soak countries benchmark serve bench lint stop clean

demo:
	@dev/run demo
test:
	@dev/run test
soak:
	@dev/run soak
countries:
	@dev/run countries
benchmark:
	@dev/run benchmark
serve:
	@dev/run serve
bench:
	@dev/run bench
lint:
	@dev/run lint
stop:
	@dev/run stop
clean:
	@dev/run clean
