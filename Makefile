# Each target is one line to dev/run; `dev/run --help` lists all. Variables: BENCH_HOME, BENCH, APPS, ARGS, ONLY (dev/README.md).
.PHONY: demo test countries benchmark serve bench lint stop clean

demo:
	@dev/run demo
test:
	@dev/run test
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
