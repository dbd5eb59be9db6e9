frappe.ui.form.on("Site Domain", {
	refresh(frm) {
		const { state, is_failing, is_primary, kind, serves } = frm.doc;
		if (state === "Removed") return;
		frm.add_custom_button(__("Walk"), () => show_walk(frm));
		const is_manager = frappe.session.user === "Administrator" || frappe.user.has_role("SaaS Manager");
		if (!is_manager) return;
		frm.add_custom_button(__("Check"), () => start(frm, "check")).addClass("btn-primary");
		if (state === "Live" && !is_failing && !is_primary) frm.add_custom_button(__("Make Primary"), () => start(frm, "make_primary"));
		if (kind === "Own Subdomain") return;
		const other = serves === "Serves" ? __("Redirect to Primary") : __("Serve Under It");
		frm.add_custom_button(other, () => start(frm, "set_serving", { serves: serves === "Serves" ? 0 : 1 }));
		frm.add_custom_button(__("Upload Certificate"), () => ask_certificate(frm));
		frm.add_custom_button(__("Remove"), () => {
			const question = __("{0} leads to the site no longer then, and any tenant may have it. Remove it?", [frm.doc.host]);
			frappe.confirm(frappe.utils.escape_html(question), () => start(frm, "remove_name"));
		});
	},
});

function act(frm, method, args) {
	return frappe.xcall("run_doc_method", { dt: frm.doctype, dn: frm.docname, method, ...(args && { args }) });
}

async function start(frm, method, args) {
	const { job } = await act(frm, method, args);
	frappe.set_route("Form", "Provisioning Job", job);
}

// DNS, TCP, TLS and HTTP, with the first thing that is wrong.
async function show_walk(frm) {
	const stages = await act(frm, "walk_name");
	const text = frappe.utils.escape_html;
	const rows = stages.map(
		({ name, is_ok, sentence, seconds }) =>
			`<tr><td><span class="indicator-pill ${is_ok ? "green" : "red"}">${text(name)}</span></td>
			<td>${text(sentence)}</td><td class="text-right">${seconds.toFixed(2)} s</td></tr>`
	);
	frappe.msgprint({ title: frm.doc.host, message: `<table class="table"><tbody>${rows.join("")}</tbody></table>`, wide: true });
}

function ask_certificate(frm) {
	const fields = [
		{ fieldname: "chain", fieldtype: "Code", reqd: 1, label: __("Certificate Chain (PEM)"), description: __("Its own certificate first.") },
		{
			fieldname: "key",
			fieldtype: "Code",
			reqd: 1,
			label: __("Private Key (PEM)"),
			description: __("It goes to the bench's disk, and is kept nowhere else."),
		},
	];
	frappe.prompt(fields, (values) => start(frm, "upload_certificate", values), __("Upload Certificate"), __("Upload"));
}
