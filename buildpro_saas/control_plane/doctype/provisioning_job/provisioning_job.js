{% include "buildpro_saas/control_plane/live_form.js" %}

const ENDED = ["Completed", "Failed", "Cancelled"];
const STEP_LOOK = {
	Pending: ["gray", "○"],
	Running: ["blue", "●"],
	Completed: ["green", "✓"],
	Failed: ["red", "✗"],
	Undone: ["yellow", "↺"],
};

frappe.ui.form.on("Provisioning Job", {
	refresh(frm) {
		frm.disable_save();
		add_buttons(frm);
		frm.job_view?.stop();
		if (frm.job_view?.name !== frm.docname) frm.job_view = new JobView(frm);
		frm.job_view.show(frm.doc);
		frm.job_view.follow();
	},
	on_hide(frm) {
		frm.job_view?.stop();
	},
});

function add_buttons(frm) {
	const { status, tenant } = frm.doc;
	if (status === "Failed" && has_role("SaaS Manager", "SaaS Support")) {
		frm.add_custom_button(__("Retry"), () => act(frm, "retry")).addClass("btn-primary");
	}
	if (["Waiting", "Queued", "Running", "Failed"].includes(status) && has_role("SaaS Manager")) {
		frm.add_custom_button(__("Cancel"), () =>
			frappe.confirm(
				__("Cancel this job? What it has made so far is taken away again."),
				() => act(frm, "cancel_job")
			)
		);
	}
	if (tenant) {
		frm.add_custom_button(__("Tenant"), () => frappe.set_route("Form", "Tenant", tenant));
	}
}

// The list of steps, kept up to date without reloading the form.
class JobView extends LiveView {
	constructor(frm) {
		super(frm, "steps_view", "provisioning_job_update", "job");
		this.is_open = new Map(); // outputs that the reader opened or closed
		frappe.dom.set_style(STYLE, "provisioning-job-style");
	}

	is_over() {
		return ENDED.includes(this.status);
	}

	follow() {
		super.follow();
		if (!this.is_over()) this.tick = setInterval(() => this.count(), 1000);
	}

	stop() {
		super.stop();
		clearInterval(this.tick);
	}

	ask() {
		// not frappe.db.get_doc, which would change the form's own document under it
		return frappe.xcall("frappe.client.get", { doctype: this.frm.doctype, name: this.name });
	}

	take(doc) {
		if (doc.status === this.status) this.show(doc);
		else this.frm.reload_doc(); // other buttons, other colour
	}

	show(doc) {
		this.doc = doc;
		this.status = doc.status; // the form's document may change without a refresh
		const steps = doc.steps || [];
		const html = `${this.fault()}${this.progress(steps)}
			<ol class="job-steps">${steps.map((step) => this.step(step)).join("")}</ol>`;
		if (html === this.html) return;
		this.html = html;
		this.$view.html(html);
		this.$view.find("details").on("toggle", ({ target }) => this.is_open.set(target.dataset.step, target.open));
		this.$view.find('[data-status="Running"] pre').each((_, output) => output.scrollTo(0, output.scrollHeight));
		this.count();
	}

	fault() {
		const { error, hint, status, run_after } = this.doc;
		const waits =
			status === "Waiting" && run_after && moment(run_after).isAfter(frappe.datetime.system_datetime())
				? `<div>${__("Next try at {0}.", [frappe.datetime.str_to_user(run_after)])}</div>`
				: "";
		if (!error && !waits) return "";
		const look = status === "Failed" ? "red" : "orange";
		return `<div class="job-fault form-message ${look}" role="alert">
			<p class="bold">${frappe.utils.escape_html(error || "")}</p>
			<p>${frappe.utils.escape_html(hint || "")}</p>${waits}</div>`;
	}

	progress(steps) {
		const done = steps.filter((step) => step.status === "Completed").length;
		const share = steps.length ? Math.round((100 * done) / steps.length) : 0;
		const look = this.doc.status === "Failed" ? "bg-danger" : "bg-success";
		return `<div class="job-progress"><div class="progress"><div class="progress-bar ${look}"
			role="progressbar" aria-valuenow="${share}" aria-valuemin="0" aria-valuemax="100"
			style="width: ${share}%"></div></div>
			<span class="text-muted">${__("{0} of {1} steps", [done, steps.length])}</span></div>`;
	}

	step(step) {
		const [color, icon] = STEP_LOOK[step.status] || STEP_LOOK.Pending;
		const title = frappe.utils.escape_html(step.title || step.step_key || "");
		const tries = step.attempts > 1 ? __("{0} attempts", [step.attempts]) : "";
		const key = frappe.utils.escape_html(step.step_key || "");
		const is_open = this.is_open.get(step.step_key) ?? step.status === "Failed";
		const output = step.output
			? `<details data-step="${key}" ${is_open ? "open" : ""}><summary class="text-muted">${__(
					"Output"
			  )}</summary><pre>${frappe.utils.escape_html(step.output)}</pre></details>`
			: "";
		return `<li data-step="${key}" data-status="${frappe.utils.escape_html(step.status)}">
			<div class="job-step"><span class="job-icon indicator-pill no-indicator-dot ${color}">${icon}</span>
			<span class="job-title">${__(title)}</span>
			<span class="text-muted">${tries}</span>
			<span class="job-status text-muted">${step.status === "Completed" ? "" : __(step.status)}</span>
			<span class="job-duration" ${this.start_of(step)}>${this.duration_of(step)}</span></div>${output}</li>`;
	}

	start_of(step) {
		return step.status === "Running" && step.started_at
			? `data-since="${frappe.utils.escape_html(step.started_at)}"`
			: "";
	}

	duration_of(step) {
		return step.ended_at && step.status !== "Pending" ? seconds_to_text(step.duration) : "";
	}

	// The running step's duration counts up between two answers.
	count() {
		const now = moment(frappe.datetime.system_datetime());
		this.$view.find("[data-since]").each((_, element) => {
			const seconds = now.diff(moment(element.dataset.since), "seconds");
			element.textContent = seconds_to_text(Math.max(0, seconds), 0);
		});
	}
}

const STYLE = `
.job-fault { padding: 10px 15px; margin-bottom: 15px; border-radius: var(--border-radius); }
.job-fault p { margin: 0; white-space: pre-wrap; }
.job-progress { display: flex; align-items: center; gap: 15px; margin-bottom: 10px; }
.job-progress .progress { flex: 1; height: 8px; margin: 0; }
.job-steps { list-style: none; padding: 0; margin: 0; }
.job-steps li { border-bottom: 1px solid var(--border-color); padding: 8px 0; }
.job-steps li[data-status="Pending"] .job-title { color: var(--text-muted); }
.job-step { display: flex; align-items: center; gap: 10px; }
.job-icon { min-width: 26px; justify-content: center; }
.job-title { flex: 1; }
.job-duration { min-width: 90px; text-align: right; font-variant-numeric: tabular-nums; }
.job-steps details { margin: 4px 0 0 36px; }
.job-steps summary { cursor: pointer; }
.job-steps pre { max-height: 300px; overflow: auto; white-space: pre-wrap; margin: 5px 0 0; }
`;
