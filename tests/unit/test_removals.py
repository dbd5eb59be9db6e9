"""Who may take away a site that people have used: one operation, which one step asks for."""

from pathlib import Path

APP = Path(__file__).parents[2] / "buildpro_saas"
OPERATION = "trash_closed_site"


def test_one_step_alone_takes_away_a_site_that_was_used():
	named = {str(file.relative_to(APP)) for file in APP.rglob("*.py") if OPERATION in file.read_text()}
	assert named == {"agent/operations/removals.py", "fleet/steps/removal.py"}


def test_its_step_is_in_two_playbooks():
	playbooks = {file.name: file.read_text() for file in (APP / "fleet/playbooks").glob("*.py")}
	assert {name: text.count("RemoveSite(") for name, text in playbooks.items() if "RemoveSite(" in text} == {
		"tenant_life.py": 2
	}
	text = playbooks["tenant_life.py"]
	for name in ("ARCHIVE_SITE", "REMOVE_SITE"):
		_before, _name, rest = text.partition(f"\n{name} = Playbook(")
		steps = rest.partition("\n)\n")[0]
		# nothing goes before the site is closed, and its last backup taken
		places = [steps.index(f"{step}(") for step in ("CloseSite", "TakeLastBackup", "RemoveSite")]
		assert places == sorted(places)
