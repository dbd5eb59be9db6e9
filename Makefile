# Each target is one line to dev/run; `dev/run --help` lists all. Variables: BENCH_HOME, BENCH, APPS, ARGS, ONLY (dev/README.md).
.PHONY: demo test benchmark serve bench lint stop clean

demo:
	@dev/run demo
test:
	@dev/run test
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
