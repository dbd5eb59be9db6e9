"""Judges the programs that a tenant's request or job starts, by their arguments.

No hook of Python's sees what a program does by itself. So its arguments decide: which files it writes, and with which options it
makes a PDF.
"""

import os
import re
from collections.abc import Iterator
from html import escape
from typing import Any, NoReturn

import frappe
from frappe import _

from buildpro_saas.tenant_site.sandbox import acting, files, readable, temporary

NODE, TAR = ("node", "nodejs"), ("tar", "bsdtar", "gtar")
# How tar makes an archive: what it is told in its first word. Its other options start programs, read lists of names or lead elsewhere.
# Links in an archive lead anywhere, so none is extracted.
MAKES_ARCHIVE = re.compile(r"-?[cvzjJ]+f")
TEXT = re.compile(r"[{};\n]")  # of a style sheet that node is given; no path has it
PRINTER = "wkhtmltopdf"
BROWSERS = ("chrom", "headless_shell", "headless-shell", "google chrome", "google-chrome")
LOCK = "--disable-local-file-access"
# wkhtmltopdf's options that are allowed. They lay out a page, or say how it is fetched without opening a file, or Frappe
# sets them by itself.
SWITCHES = frozenset(
	"--background --no-background --images --no-images --quiet -q --print-media-type --no-print-media-type --grayscale -g --lowquality -l"
	" --no-outline --outline --no-pdf-compression --disable-javascript -n --disable-smart-shrinking --enable-smart-shrinking"
	" --disable-external-links --enable-external-links --disable-internal-links --enable-internal-links --disable-plugins"
	" --header-line --no-header-line --footer-line --no-footer-line --disable-dotted-lines --stop-slow-scripts --version -V".split()
) | {LOCK}
WITH_VALUE = frozenset(
	"--page-size -s --page-width --page-height --orientation -O --margin-top -T --margin-bottom -B --margin-left -L --margin-right -R"
	" --encoding --dpi -d --image-dpi --image-quality --zoom --title --copies --viewport-size --minimum-font-size --outline-depth"
	" --header-spacing --header-left --header-center --header-right --header-font-name --header-font-size --header-html"
	" --footer-spacing --footer-left --footer-center --footer-right --footer-font-name --footer-font-size --footer-html"
	" --load-error-handling --load-media-error-handling --javascript-delay --page-offset --log-level --password --cookie-jar --proxy".split()
)
FILES = frozenset({"--header-html", "--footer-html", "--cookie-jar"})
STANDARD = "-"  # input or output


def judge(site: Any, command: Any, folder: Any = None) -> None:
	"""Raise frappe.PermissionError when the site's request or job may not start this.

	site: as acting.site() returns it. command: as subprocess.Popen takes it, one word or a list. folder: where it is started.
	"""
	words = [command] if isinstance(command, str | bytes | os.PathLike) else list(command)
	words = [os.fsdecode(word) for word in words]
	program = os.path.basename(words[0]).lower() if words else ""
	place = os.path.abspath(os.fsdecode(folder or "."))
	if program in TAR:
		_judge_archiving(words[1:], place, site)
	elif program in NODE:
		_judge_node(words[1:], place, site)
	elif program == PRINTER:
		_judge_printing(words[1:], site)
	elif program.startswith(BROWSERS):
		_refuse(
			site,
			_(
				"This site may not start a browser to make PDFs, for it would reach the operator's network. Choose the PDF generator wkhtmltopdf."
			),
		)


def _judge_archiving(words: list[str], place: str, site: Any) -> None:
	"""Let tar make an archive of the site's files in a place of the site's, and nothing else."""
	how, *others = words or [""]
	if not MAKES_ARCHIVE.fullmatch(how):
		_refuse_program(site, "tar", how)
	for word in others:
		if word.startswith(("-", "@")) or ":" in word:  # `host:file` is another machine's
			_refuse_program(site, "tar", word)
		files.require_writable(os.path.join(place, word), site)


def _judge_node(words: list[str], place: str, site: Any) -> None:
	"""Let node run a file of an app's, and write to the paths that it is given where the site may write."""
	script, *others = words or [""]
	if script.startswith("-"):
		_refuse_program(site, "node", script)
	readable.require(os.path.join(place, script), site)
	for word in others:
		path = word.partition("=")[2] if word.startswith("-") else word.removeprefix("@")
		is_path = os.sep in path and not TEXT.search(path)
		if is_path or (os.path.isabs(path) and not path.startswith("/*")):
			files.require_writable(os.path.join(place, path), site)


def _judge_printing(words: list[str], site: Any) -> None:
	given = list(_options(words, site))
	for option, value in given:
		if option in FILES:
			_require_files_own(value, site)
		elif option == "--proxy" and not value.startswith("http://127.0.0.1:"):
			_refuse_option(site, option)
	names = {option for option, _value in given}
	if not names & {LOCK, "--version", "-V"}:
		_refuse_option(site, "--enable-local-file-access")


def _options(words: list[str], site: Any) -> Iterator[tuple[str, str]]:
	"""Yield each option with its value (empty for a switch). Refuses all else but standard input and output."""
	waiting = iter(words)
	for word in waiting:
		if word in WITH_VALUE:
			yield word, next(waiting, "")
		elif word in SWITCHES:
			yield word, ""
		elif word != STANDARD:
			_refuse_option(site, word)


def _require_files_own(path: str, site: Any) -> None:
	"""Refuse a file outside the temporary folders. Frappe has just written the header, the footer and the cookie there."""
	if "://" in path or os.path.dirname(os.path.realpath(path)) not in temporary.FOLDERS:
		_refuse_option(site, path)


def _refuse_program(site: Any, program: str, word: str) -> NoReturn:
	sentence = _(
		"{0} may not be started with {1} for this site. Ask its operator for what belongs to an app."
	)
	_refuse(site, sentence.format(program, escape(word[:50])), _("Not allowed here"))


def _refuse_option(site: Any, option: str) -> NoReturn:
	_refuse(
		site,
		_("A PDF may not be made with {0} here. Take it out of the print format.").format(
			f"<b>{escape(option)}</b>"
		),
	)


def _refuse(site: Any, sentence: str, title: str | None = None) -> NoReturn:
	if not acting.is_own_context(site):
		raise frappe.PermissionError(sentence)
	frappe.throw(sentence, frappe.PermissionError, title=title or _("Not allowed in a PDF"))
