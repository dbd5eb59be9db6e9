{% include "buildpro_saas/control_plane/follow_job.js" %}
{% include "buildpro_saas/control_plane/restore_site.js" %}

frappe.ui.form.on("Backup", {
	refresh(frm) {
		frm.disable_save();
		stop_following(frm);
		frm.set_intro("");
		if (frm.doc.status === "Taking") {
			const href = frappe.utils.get_form_link("Provisioning Job", frm.doc.job);
			frm.set_intro(__("{0} takes it.", [`<a href="${href}" class="bold"><u>${frm.doc.job}</u></a>`]), "blue");
			follow(frm);
		}
		const is_manager = frappe.session.user === "Administrator" || frappe.user.has_role("SaaS Manager");
		if (frm.doc.status === "Kept" && frm.doc.kind === "Admin Site") {
			frm.set_intro(__("It is of this site itself: {0} makes the site again from it.", ["saas recover-admin-site"]));
		} else if (is_manager && frm.doc.status === "Kept") {
			frm.add_custom_button(__("Restore"), () => ask_to_restore(frm.doc.tenant, frm.docname));
		}
	},
	on_hide: stop_following,
});
