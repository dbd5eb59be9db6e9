"""What is to be done with a bench's images: plain data in and out. images.py reads the records, and carries it out."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from buildpro_saas.fleet.image_spec import ImageKind


@dataclass(frozen=True)
class Known:
	"""An image on record that is Ready or Stale. kind: its kind's name. outdated: why another would be built now, or empty."""

	name: str
	kind: str
	is_ready: bool
	outdated: str = ""


@dataclass
class Todo:
	"""What to do, in this order: images to set stale ({name: reason}), images to prune (names), kinds to build (names)."""

	set_stale: dict[str, str] = field(default_factory=dict)
	prune: list[str] = field(default_factory=list)
	build: list[str] = field(default_factory=list)


def decide(images: Iterable[Known], wanted: Mapping[str, ImageKind]) -> Todo:
	"""What to do with a bench's images, given the newest first. wanted: {name: kind} that plans want.

	One image of each kind is kept. An image with a company is a copy of one without, so it is built only when that one is there.
	"""
	todo, kept = Todo(), set()
	for image in images:
		if image.is_ready and not (reason := _why_stale(image, wanted, kept)):
			kept.add(image.kind)
			continue
		if image.is_ready:
			todo.set_stale[image.name] = reason
		todo.prune.append(image.name)
	for name, kind in wanted.items():
		has_source = not kind.company or kind.without_company.name in kept
		if name not in kept and has_source:
			todo.build.append(name)
	return todo


def _why_stale(image: Known, wanted: Mapping[str, ImageKind], kept: Collection[str]) -> str:
	if image.kind in kept:
		return "A newer one took its place"
	if image.kind not in wanted:
		return "No plan needs it"
	return image.outdated
