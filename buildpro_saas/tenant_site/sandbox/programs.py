"""The programs that a tenant's request or job starts: what they may write, and with which options they make PDFs.

What a program does by itself no hook of Python's sees. So it is its arguments that are judged.
"""

import os
from collections.abc import Iterator
from html import escape
from typing import Any, NoReturn

import frappe
from frappe import _

from buildpro_saas.tenant_site.sandbox import acting, files, temporary

PROGRAMS_THAT_WRITE = frozenset({"node", "nodejs", "tar"})
PRINTER = "wkhtmltopdf"
BROWSERS = ("chrom", "headless_shell", "headless-shell", "google chrome", "google-chrome")
LOCK = "--disable-local-file-access"
# Of wkhtmltopdf's options, those that lay out a page, say how it is fetched without opening anything, or that Frappe sets by itself.
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


def judge(site: Any, command: Any) -> None:
	"""Raise frappe.PermissionError when the site's request or job may not start this.

	site: as acting.site() has it; command: as subprocess.Popen takes it, of one word or many.
	"""
	words = [command] if isinstance(command, str | bytes | os.PathLike) else list(command)
	words = [os.fsdecode(word) for word in words]
	program = os.path.basename(words[0]).lower() if words else ""
	if program in PROGRAMS_THAT_WRITE:
		for word in words[1:]:
			if os.path.isabs(word):
				files.require_writable(word, site)
	elif program == PRINTER:
		_judge_printing(words[1:], site)
	elif program.startswith(BROWSERS):
		_refuse(
			site,
			_(
				"This site may not start a browser to make PDFs, for it would reach the operator's network. Choose the PDF generator wkhtmltopdf."
			),
		)


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
	"""Each option with its value; what else there is may be standard input and output alone."""
	waiting = iter(words)
	for word in waiting:
		if word in WITH_VALUE:
			yield word, next(waiting, "")
		elif word in SWITCHES:
			yield word, ""
		elif word != STANDARD:
			_refuse_option(site, word)


def _require_files_own(path: str, site: Any) -> None:
	"""Frappe puts the header, the footer and the session's cookie into temporary files, which it has just written."""
	if "://" in path or os.path.dirname(os.path.realpath(path)) not in temporary.FOLDERS:
		_refuse_option(site, path)


def _refuse_option(site: Any, option: str) -> NoReturn:
	_refuse(
		site,
		_("A PDF may not be made with {0} here. Take it out of the print format.").format(
			f"<b>{escape(option)}</b>"
		),
	)


def _refuse(site: Any, sentence: str) -> NoReturn:
	if not acting.is_own_context(site):
		raise frappe.PermissionError(sentence)
	frappe.throw(sentence, frappe.PermissionError, title=_("Not allowed in a PDF"))
