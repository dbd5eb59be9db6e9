"""Which images of a bench are kept, pruned and built, by plain data alone."""

from buildpro_saas.fleet.image_policy import Known, decide
from buildpro_saas.fleet.image_spec import ImageKind

PLAIN = ImageKind(("frappe", "erpnext"))
GERMAN = ImageKind(("frappe", "erpnext"), "Germany", "EUR", "de")
KINDS = {kind.name: kind for kind in (PLAIN, GERMAN)}


def test_of_each_kind_the_newest_is_kept_and_the_others_are_pruned():
	todo = decide([Known("new", PLAIN.name, True), Known("old", PLAIN.name, True)], {PLAIN.name: PLAIN})
	assert (todo.set_stale, todo.prune, todo.build) == ({"old": "A newer one took its place"}, ["old"], [])


def test_an_outdated_one_is_pruned_and_built_anew():
	todo = decide(
		[Known("was", PLAIN.name, True, "the commit of erpnext was a and is b")], {PLAIN.name: PLAIN}
	)
	assert todo.set_stale == {"was": "the commit of erpnext was a and is b"}
	assert (todo.prune, todo.build) == (["was"], [PLAIN.name])


def test_an_older_one_is_kept_where_the_newest_is_outdated():
	"""As when an app was set back to an earlier commit."""
	images = [
		Known("new", PLAIN.name, True, "the commit of erpnext was b and is a"),
		Known("old", PLAIN.name, True),
	]
	todo = decide(images, {PLAIN.name: PLAIN})
	assert (todo.prune, todo.build) == (["new"], [])


def test_what_no_plan_needs_goes_and_what_is_stale_is_pruned_again():
	todo = decide([Known("odd", "other", True), Known("left", PLAIN.name, False)], {PLAIN.name: PLAIN})
	assert todo.set_stale == {"odd": "No plan needs it"}
	assert (todo.prune, todo.build) == (["odd", "left"], [PLAIN.name])


def test_one_with_a_company_waits_for_the_one_without():
	assert decide([], KINDS).build == [PLAIN.name]
	assert decide([Known("plain", PLAIN.name, True)], KINDS).build == [GERMAN.name]
	assert decide([Known("plain", PLAIN.name, False)], KINDS).build == [PLAIN.name]
