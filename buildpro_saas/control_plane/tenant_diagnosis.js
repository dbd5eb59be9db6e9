// Why the tenant's site is down or slow: all layers from the DNS to our own jobs, what is wrong first, and what to do.

const DIAGNOSIS_COLOURS = { ok: "green", wrong: "red", unknown: "orange" };
const DIAGNOSIS_STATES = { ok: __("ok"), wrong: __("wrong"), unknown: __("not seen") };

async function show_diagnosis(frm) {
	const method = "buildpro_saas.api.diagnosis.diagnose";
	const args = { tenant: frm.docname };
	const freeze_message = __("Looking at all layers: five seconds at most …");
	const { message: found } = await frappe.call({ method, args, type: "GET", freeze: true, freeze_message });
	const dialog = new frappe.ui.Dialog({
		title: __("Diagnosis of {0}", [found.host]),
		size: "extra-large",
		fields: [{ fieldname: "found", fieldtype: "HTML" }],
		primary_action_label: __("Look Again"),
		primary_action: () => {
			dialog.hide();
			show_diagnosis(frm);
		},
	});
	dialog.get_field("found").html(diagnosis_as_html(found));
	dialog.show();
}

function diagnosis_as_html(found) {
	const text = frappe.utils.escape_html;
	const { first, summary, seconds } = found;
	const title = first ? `${text(first.fault)}. ${text(summary)}` : text(summary);
	const advice = first?.advice ? `<p class="mb-0"><b>${__("What to do")}:</b> ${text(first.advice)}</p>` : "";
	const rows = found.seen.map((each) => diagnosis_row(each, each.layer === first?.layer && each.fault === first?.fault));
	return `
		<div class="alert ${first ? "alert-danger" : "alert-success"}" role="status"><p class="mb-1">${title}</p>${advice}</div>
		<div class="table-responsive"><table class="table table-bordered">
			<thead><tr><th>${__("Layer")}</th><th>${__("State")}</th><th>${__("What Was Seen")}</th></tr></thead>
			<tbody>${rows.join("")}</tbody>
		</table></div>
		<p class="text-muted">${__("Looked at in {0} s.", [seconds.toFixed(1)])}</p>`;
}

function diagnosis_row(each, is_first) {
	const text = frappe.utils.escape_html;
	const lines = each.evidence.map((line) => `<div class="text-muted small">${text(line)}</div>`).join("");
	const behind = each.behind ? ` <span class="text-muted">${__("(behind {0})", [text(each.behind)])}</span>` : "";
	const advice = each.advice && !is_first && !each.behind ? `<div class="small">→ ${text(each.advice)}</div>` : "";
	const fault = each.fault ? `<b>${text(each.fault)}.</b> ` : "";
	return `<tr data-layer="${text(each.layer)}">
		<td class="text-nowrap">${text(each.layer)}</td>
		<td><span class="indicator-pill text-nowrap ${DIAGNOSIS_COLOURS[each.state]}">${DIAGNOSIS_STATES[each.state]}</span></td>
		<td style="overflow-wrap: anywhere">${fault}${text(each.sentence)}${behind}${lines}${advice}</td>
	</tr>`;
}
