#!/bin/sh
# The guide's refresh.sh: back up, pull, rehearse, build, restart, migrate; all sites, or one: ./refresh.sh --site customer1.example.com
# It calls `bench saas refresh`, and takes its options (docs/commands.md). Run it in the bench's folder, or below it.
set -eu
bench=${BENCH:-$PWD}
until [ -f "$bench/sites/apps.txt" ]; do
	[ "$bench" != / ] || { echo "refresh.sh: run it in the bench's folder, or say BENCH=/path/to/bench." >&2; exit 1; }
	bench=$(dirname "$bench")
done
cd "$bench/sites"
admin=${BUILDPRO_ADMIN_SITE:-$(grep -ls '"buildpro_role": *"admin"' ./*/site_config.json | head -n 1 | cut -d / -f 2)}
[ -n "$admin" ] || { echo "refresh.sh: no site of $bench is the admin site; BUILDPRO_ADMIN_SITE=… names it." >&2; exit 1; }
exec ../env/bin/python -m frappe.utils.bench_helper frappe --site "$admin" saas refresh --wait "$@"
