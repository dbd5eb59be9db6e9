{% include "buildpro_saas/control_plane/follow_job.js" %}

frappe.ui.form.on("Site Shadow", {
	refresh(frm) {
		frm.disable_save();
		stop_following(frm);
		frm.set_intro("");
		const { subdomain, job } = frm.doc.__onload || {};
		if (job) {
			const href = frappe.utils.get_form_link("Provisioning Job", job);
			frm.set_intro(__("{0} is at work on it.", [`<a href="${href}" class="bold"><u>${job}</u></a>`]), "blue");
			follow(frm);
			return;
		}
		if (frappe.session.user !== "Administrator" && !frappe.user.has_role("SaaS Manager")) return;
		if (frm.doc.status === "Ready") {
			if (!frm.doc.was_no_tenants) frm.add_custom_button(__("Swap In"), () => ask_to_swap(frm, subdomain)).addClass("btn-primary");
			frm.add_custom_button(__("Keep Longer"), () => ask_hours(frm));
		}
		if (["Ready", "Filling"].includes(frm.doc.status)) {
			frm.add_custom_button(__("Drop"), () => ask_to_drop(frm));
		}
	},
	on_hide: stop_following,
});

// Desk itself shows why something was refused; the form is read anew in any case.
function act(frm, method, args) {
	const call = { dt: frm.doctype, dn: frm.docname, method, ...(args && { args }) };
	return frappe.xcall("run_doc_method", call).catch(() => frm.reload_doc());
}

function ask_to_swap(frm, subdomain) {
	const as_of = frappe.datetime.str_to_user(frm.doc.as_of);
	const told = __("The site is then as it was on {0}. What was done there since is kept aside, and can be swapped back in.", [
		as_of,
	]);
	const field = {
		fieldname: "confirm",
		fieldtype: "Data",
		reqd: 1,
		label: __("Type {0}", [subdomain]),
		description: told,
	};
	const go = async ({ confirm }) => {
		await act(frm, "swap_in", { confirm });
		frm.reload_doc();
	};
	frappe.prompt([field], go, __("Swap in the site of {0}", [frm.doc.tenant]), __("Swap In"));
}

function ask_hours(frm) {
	const field = { fieldname: "hours", fieldtype: "Float", reqd: 1, label: __("Hours from Now"), default: 24 };
	const go = async ({ hours }) => {
		await act(frm, "keep_longer", { hours });
		frm.reload_doc();
	};
	frappe.prompt([field], go, __("Keep Longer"), __("Keep"));
}

function ask_to_drop(frm) {
	frappe.confirm(__("Remove its database and its files for good? The site itself is not touched."), async () => {
		await act(frm, "drop");
		frm.reload_doc();
	});
}
