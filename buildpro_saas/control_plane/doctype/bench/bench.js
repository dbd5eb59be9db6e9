frappe.ui.form.on("Bench", {
	refresh(frm) {
		if (frm.is_new() || !frm.doc.is_reachable) return;
		frm.add_custom_button(__("Refresh Facts"), async () => {
			await frappe.xcall("run_doc_method", { dt: frm.doctype, dn: frm.docname, method: "refresh_facts" });
			frm.reload_doc();
		});
		frm.add_custom_button(__("Refresh Apps and Sites"), () => ask_refresh(frm));
		if (frm.doc.proxy === "nginx") add_proxy_buttons(frm);
	},
});

// What `saas proxy show`, `test` and `reload` do.
function add_proxy_buttons(frm) {
	const ask = (what, type) =>
		frappe.call({ method: `buildpro_saas.api.proxy.${what}`, args: { bench: frm.docname }, type, freeze: true });
	const add = (label, action) => frm.add_custom_button(label, action, __("Proxy"));
	add(__("Show"), () => ask("state", "GET").then(({ message }) => show_proxy(message)));
	const is_manager = frappe.session.user === "Administrator" || frappe.user.has_role("SaaS Manager");
	if (!is_manager) return;
	add(__("Files"), () => ask("files", "GET").then(({ message }) => show_files(message)));
	const tell = ({ message }) => frappe.show_alert({ message: message.sentence, indicator: "green" });
	add(__("Test"), () => ask("test", "POST").then(tell));
	add(__("Reload"), () => ask("reload", "POST").then(tell));
}

function show_proxy(state) {
	const text = (value) => frappe.utils.escape_html(String(value));
	const facts = [
		[__("nginx"), state.is_running ? __("runs") : __("does not run")],
		[__("Mode"), state.mode],
		[__("Release"), state.release || __("none yet")],
		[__("Names beside those below the base domain"), state.hosts],
		[__("Reloads"), state.reloads],
		[__("Old workers that still end"), state.dying_workers],
	];
	const rows = facts.map(([label, value]) => `<tr><td>${label}</td><td>${text(value)}</td></tr>`).join("");
	const aside = Object.entries(state.set_aside)
		.map(([host, why]) => `<li><b>${text(host || __("no name"))}</b>: ${text(why)}</li>`)
		.join("");
	const problem = state.problem ? `<p class="text-danger">${text(state.problem)}</p>` : "";
	const left_out = aside ? `<p>${__("Set aside:")}</p><ul>${aside}</ul>` : "";
	const message = `${problem}<table class="table table-sm buildpro-proxy"><tbody>${rows}</tbody></table>${left_out}`;
	frappe.msgprint({ title: __("Proxy"), message, wide: true });
}

function show_files(files) {
	const text = frappe.utils.escape_html;
	const message = Object.entries(files).map(([file, content]) => `<h6>${text(file)}</h6><pre>${text(content)}</pre>`);
	frappe.msgprint({ title: __("What nginx reads of ours"), message: message.join(""), wide: true });
}

function ask_refresh(frm) {
	frappe.prompt(
		[
			{
				fieldtype: "HTML",
				options: `<p>${__(
					"Sites are backed up, apps pulled and rehearsed with copies of some tenants, processes restarted, and sites migrated: some first, then all. It halts at the first failure."
				)}</p>`,
			},
			{ fieldname: "has_backup", fieldtype: "Check", label: __("Back up each site before"), default: 1 },
			{ fieldname: "has_pull", fieldtype: "Check", label: __("Pull the apps"), default: 1 },
			{ fieldname: "canaries", fieldtype: "Int", label: __("Tenants that go first, at most"), default: 5 },
		],
		async (values) => {
			const found = await frappe.xcall("buildpro_saas.api.refreshes.start", { bench: frm.docname, ...values });
			frappe.set_route("Form", "Provisioning Job", found.job);
		},
		__("Refresh {0}", [frm.docname]),
		__("Refresh")
	);
}
