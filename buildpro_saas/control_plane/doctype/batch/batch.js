{% include "buildpro_saas/control_plane/live_form.js" %}

const OVER = ["Completed", "Cancelled"];
const ROW_COLORS = {
	Completed: "bg-success",
	Failed: "bg-danger",
	Running: "bg-info progress-bar-striped", // not done yet: it must not look so
	"Left Out": "bg-warning",
};

frappe.ui.form.on("Batch", {
	refresh(frm) {
		frm.disable_save();
		add_batch_buttons(frm);
		frm.batch_view?.stop();
		if (frm.batch_view?.name !== frm.docname) frm.batch_view = new BatchView(frm);
		frm.batch_view.show(frm.doc.__onload?.progress);
		frm.batch_view.follow();
	},
	on_hide(frm) {
		frm.batch_view?.stop();
	},
});

function add_batch_buttons(frm) {
	const { status, failed } = frm.doc;
	const is_manager = has_role("SaaS Manager");
	if (has_role("SaaS Manager", "SaaS Support")) {
		if (["Waiting", "Running"].includes(status))
			frm.add_custom_button(__("Pause"), () => act(frm, "pause"));
		if (["Paused", "Stopped"].includes(status))
			frm.add_custom_button(__("Resume"), () => act(frm, "resume")).addClass("btn-primary");
		if (failed && status !== "Cancelled")
			frm.add_custom_button(__("Retry Failed"), () => act(frm, "retry_failed"));
	}
	if (is_manager && !OVER.includes(status)) {
		frm.add_custom_button(__("Leave Out"), () => leave_out(frm));
		frm.add_custom_button(__("Cancel"), () =>
			frappe.confirm(
				__("Cancel this batch? Tenants that have had their turn stay as they are, all others are left out."),
				() => act(frm, "cancel_batch")
			)
		);
	}
	frm.add_custom_button(__("Tenants"), () => frappe.set_route("List", "Batch Row", { batch: frm.docname }));
}

function leave_out(frm) {
	frappe.prompt(
		{
			fieldname: "tenants",
			fieldtype: "MultiSelectList",
			label: __("Tenants that are not to have their turn"),
			reqd: 1,
			get_data: async (text) => {
				const rows = await frappe.db.get_list("Batch Row", {
					filters: { batch: frm.docname, status: "Waiting", tenant: ["like", `%${text || ""}%`] },
					fields: ["tenant"],
					order_by: "position",
				});
				return rows.map(({ tenant }) => ({ value: tenant, description: "" }));
			},
		},
		({ tenants }) => act(frm, "leave_out", { tenants }),
		__("Leave Out"),
		__("Leave Out")
	);
}

// The bar, the counts and the tenants that failed, kept up to date without reloading the form.
class BatchView extends LiveView {
	constructor(frm) {
		super(frm, "rows_view", "batch_update", "batch");
		frappe.dom.set_style(BATCH_STYLE, "batch-style");
	}

	is_over() {
		return OVER.includes(this.status);
	}

	ask() {
		return frappe.xcall("run_doc_method", { dt: this.frm.doctype, dn: this.name, method: "progress" });
	}

	take(found) {
		const is_new = found.status !== this.status || found.counts.Failed !== this.failed;
		if (is_new) this.frm.reload_doc(); // other buttons, other colour
		else this.show(found);
	}

	show(found) {
		if (!found) return;
		this.status = found.status;
		this.failed = found.counts.Failed;
		this.$view.html(`${this.reason(found)}${this.bar(found)}${this.rows(found)}`);
	}

	reason({ reason }) {
		if (!reason) return "";
		return `<div class="form-message red" role="alert">${frappe.utils.escape_html(reason)}</div>`;
	}

	bar({ counts, total, seconds, at_work }) {
		const parts = Object.entries(ROW_COLORS).map(([status, color]) => {
			const share = total ? (100 * counts[status]) / total : 0;
			return `<div class="progress-bar ${color}" style="width: ${share}%" title="${__(status)}"></div>`;
		});
		const done = total - counts.Waiting - counts.Running;
		const told = Object.entries(counts)
			.filter(([, number]) => number)
			.map(([status, number]) => `<span class="batch-count" data-status="${status}">${number} ${__(status)}</span>`);
		const names = at_work.length ? __("At work: {0}", [at_work.map(frappe.utils.escape_html).join(", ")]) : "";
		return `<div class="batch-progress"><div class="progress" role="progressbar" aria-valuemin="0"
			aria-valuemax="${total}" aria-valuenow="${done}">${parts.join("")}</div>
			<span class="text-muted">${__("{0} of {1} tenants", [done, total])}, ${seconds_to_text(seconds)}</span></div>
			<p class="batch-counts">${told.join("")} <span class="text-muted">${names}</span></p>`;
	}

	rows({ failed, counts }) {
		if (!failed.length) return "";
		const lines = failed.map(
			(row) => `<tr><td><a href="/app/tenant/${encodeURIComponent(row.tenant)}">${frappe.utils.escape_html(
				row.tenant
			)}</a></td><td>${row.attempts}</td><td>${frappe.utils.escape_html(row.message || "")}</td></tr>`
		);
		const more = counts.Failed - failed.length;
		const rest = more > 0 ? `<p class="text-muted">${__("and {0} more", [more])}</p>` : "";
		return `<table class="table table-bordered batch-failed"><thead><tr><th>${__("Failed")}</th><th>${__(
			"Attempts"
		)}</th><th>${__("Message")}</th></tr></thead><tbody>${lines.join("")}</tbody></table>${rest}`;
	}
}

const BATCH_STYLE = `
.batch-progress { display: flex; align-items: center; gap: 15px; margin-bottom: 10px; }
.batch-progress .progress { flex: 1; height: 12px; margin: 0; }
.batch-counts { display: flex; gap: 15px; flex-wrap: wrap; }
.batch-count { font-variant-numeric: tabular-nums; }
.batch-count[data-status="Failed"] { color: var(--red-600, var(--text-color)); font-weight: 600; }
.batch-failed td:last-child { white-space: pre-wrap; }
`;
