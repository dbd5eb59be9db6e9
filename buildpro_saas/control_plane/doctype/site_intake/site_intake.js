{% include "buildpro_saas/control_plane/live_form.js" %}

frappe.ui.form.on("Site Intake", {
	setup(frm) {
		frm.set_query("plan", { filters: { is_active: 1 } });
		frm.set_query("bench", { filters: { status: "Active" } });
	},
	refresh(frm) {
		frm.look_view?.stop();
		if (frm.is_new()) {
			frm.set_intro(__("Save it, then press Look: nothing is touched by that."), "blue");
			return;
		}
		frm.set_intro("");
		if (frm.doc.tenant) return frm.disable_save();
		if (frm.doc.status === "Looking" && frm.ended_look !== frm.doc.job) {
			frm.look_view = new LookView(frm);
			frm.look_view.follow();
			return frm.look_view.update();
		}
		if (!has_role("SaaS Manager") || frm.is_dirty()) return;
		const look = frm.add_custom_button(__("Look"), () => ask_for(frm, "look"));
		if (frm.doc.status !== "Ready") return look.addClass("btn-primary");
		frm.add_custom_button(__("Take In"), () => ask_to_take_in(frm)).addClass("btn-primary");
	},
	on_hide(frm) {
		frm.look_view?.stop();
	},
});

// How far the job is that looks. Its end loads the form anew, with the report.
class LookView extends LiveView {
	constructor(frm) {
		super(frm, "report", "provisioning_job_update", "job");
		this.job = frm.doc.job;
		if (has_role("SaaS Manager")) frm.add_custom_button(__("Stop Looking"), () => this.cancel());
		frm.add_custom_button(__("Job"), () => frappe.set_route("Form", "Provisioning Job", this.job));
	}

	is_over() {
		return this.frm.doc.status !== "Looking";
	}

	ask() {
		return frappe.xcall("frappe.client.get", { doctype: "Provisioning Job", name: this.job });
	}

	take(job) {
		if (["Completed", "Failed", "Cancelled"].includes(job.status)) {
			this.stop();
			this.frm.ended_look = this.job;
			return this.frm.reload_doc().then(() => {
				if (this.frm.doc.report) this.frm.scroll_to_field("report");
			});
		}
		const said = job.steps.map((step) => step.output || "").join("").trim().split("\n").pop();
		const told = [__("{0} looks at it: {1}.", [this.job, __(job.status)]), said];
		this.frm.set_intro("");
		this.frm.set_intro(told.filter(Boolean).map(frappe.utils.escape_html).join(" "), "blue");
	}

	async cancel() {
		await frappe.xcall("run_doc_method", { dt: "Provisioning Job", dn: this.job, method: "cancel_job", args: {} });
		this.update();
	}
}

// Desk itself shows why something was refused; the form is read anew in any case.
async function ask_for(frm, method) {
	const args = { dt: frm.doctype, dn: frm.docname, method };
	const { message } = await frappe.call({ method: "run_doc_method", args, freeze: true }).catch(() => ({}));
	await frm.reload_doc();
	return message;
}

function ask_to_take_in(frm) {
	const { source, site, in_place, maintenance, subdomain } = frm.doc;
	const name = frappe.utils.escape_html(site || "");
	let told = __("What is taken in is only read.");
	if (source === "Site of a Bench" && in_place) {
		told = __("{0} becomes the tenant's. People can only read until that is done. What it was is kept for some hours.", [name]);
	} else if (source === "Site of a Bench" && maintenance) {
		told = __("{0} is closed to everybody, and stays so.", [name]);
	}
	const question = __("Take it in as {0}?", [frappe.utils.escape_html(subdomain || "")]);
	frappe.confirm(`${question} ${told}`, async () => {
		const made = await ask_for(frm, "take_in");
		if (made) frappe.set_route("Form", "Provisioning Job", made.job);
	});
}
