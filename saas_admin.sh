#!/bin/sh
# The guide's saas_admin.sh: health, metrics, disk-space, full, site-info SITE. It calls `bench saas` (docs/commands.md).
# Run it in the bench's folder, or below it.
set -u
bench=${BENCH:-$PWD}
until [ -f "$bench/sites/apps.txt" ]; do
	[ "$bench" != / ] || { echo "saas_admin.sh: run it in the bench's folder, or say BENCH=/path/to/bench." >&2; exit 1; }
	bench=$(dirname "$bench")
done
cd "$bench/sites" || exit 1
admin=${BUILDPRO_ADMIN_SITE:-$(grep -ls '"buildpro_role": *"admin"' ./*/site_config.json | head -n 1 | cut -d / -f 2)}
[ -n "$admin" ] || { echo "saas_admin.sh: no site of $bench is the admin site; BUILDPRO_ADMIN_SITE=… names it." >&2; exit 1; }

code=0
saas() { ../env/bin/python -m frappe.utils.bench_helper frappe --site "$admin" saas "$@" || code=$?; }
disk_space() { saas disk-space; saas shadows; }

case ${1:-} in
	health) saas health ;;
	metrics) saas metrics ;;
	disk-space) disk_space ;;
	full) disk_space; saas jobs --limit 10; saas full ;;
	site-info) saas site-info "${2:?say which site: saas_admin.sh site-info customer1.example.com}" ;;
	*) echo "usage: saas_admin.sh health, metrics, disk-space, full, or site-info SITE" >&2; code=2 ;;
esac
exit $code
