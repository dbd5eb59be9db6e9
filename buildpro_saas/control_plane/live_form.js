// What the forms of jobs and batches share. Frappe puts it in where a doctype's script includes it.

function has_role(...roles) {
	return frappe.session.user === "Administrator" || roles.some((role) => frappe.user.has_role(role));
}

async function act(frm, method, args = {}) {
	// by name, not with the form's copy of the document: it may have moved on since it was loaded
	await frappe.xcall("run_doc_method", { dt: frm.doctype, dn: frm.docname, method, args });
	frm.reload_doc();
}

function seconds_to_text(seconds, digits = 1) {
	if (seconds < 60) return `${Number(seconds || 0).toFixed(digits)} s`;
	return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

// A part of a form, kept up to date without reloading it. Its class says: ask(), take(answer), is_over().
class LiveView {
	constructor(frm, field, event, key) {
		this.frm = frm;
		this.name = frm.docname;
		this.$view = $(frm.fields_dict[field].wrapper);
		this.event = event;
		this.key = key; // of the event's data: whose it is
	}

	// An event of ours wakes us at once where the bench runs socket.io; asking every 2 seconds works everywhere.
	follow() {
		if (this.is_over()) return;
		this.on_event = (data) => data[this.key] === this.name && this.update();
		frappe.realtime.on(this.event, this.on_event);
		this.poll = setInterval(() => this.update(), 2000);
	}

	stop() {
		clearInterval(this.poll);
		if (this.on_event) frappe.realtime.off(this.event, this.on_event);
		this.on_event = null;
	}

	async update() {
		if (cur_frm !== this.frm || this.frm.docname !== this.name) return this.stop();
		if (document.hidden || this.is_asking) return;
		this.is_asking = true;
		try {
			const answer = await this.ask();
			if (this.frm.docname === this.name) this.take(answer);
		} finally {
			this.is_asking = false;
		}
	}
}
