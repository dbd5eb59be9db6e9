"""The sentences of a Drift Finding: what is done about it by itself, or what staff should do."""

GOES = "Nothing to do: it is removed by itself once it has been seen for an hour, into the bench's trash. Press Ignore to keep it."
SET_ASIDE = "Nothing to do: it is removed by itself once it has been seen for an hour. Copies of tables are all that it holds."
SPARED = (
	"Nothing is done to it, for it may be a customer's: no job on record made it, as after this admin site was restored from"
	" an older backup. Bring the records back, or remove it by hand when nobody needs it."
)
ADOPT = (
	"Nothing is done to it, for it is a customer's: it was made after the backup from which this admin site was restored. Take it in again with"
	" `bench --site {admin} saas adopt {site}`, or press Adopt. Without that its entitlement runs out."
)
LEFT_ALONE = (
	"Nothing is done to it. Press Ignore if it belongs here, or remove it by hand when nobody needs it."
)
NOT_SET_UP = (
	"Nothing is done by itself, and what is on record does not hold there. Put back the site_config.json of a backup, or run"
	" `bench --site {site} install-app buildpro_saas`: the next delivery then sets it up."
)
MARKED_AGAIN = (
	"Nothing to do: it is given its mark again, where a job on record made the tenant's site with it."
)
IN_USE = (
	"Nothing is done to it, for it is or was a customer's. If the tenant is still there, bring the records back; else keep a backup and"
	" remove it by hand."
)
MOVED = "Was it moved? Put it back: `mv sites/{0} sites/{1}`. Nothing is done by itself."
COPIED = "Was it copied? The tenant's own folder is in its place: remove the copy by hand. Nothing is done by itself."
ON_ANOTHER_BENCH = "Nothing is done by itself. See that the tenant's site on the bench {0} is whole, then remove this one by hand."
CONFIG_LOST = (
	"Nothing is done by itself. The site's data is untouched: put back its own site_config.json, from a backup. Do not run `bench restore`,"
	" which would overwrite the database that the file names."
)
GONE = (
	"Nothing is done by itself. Find out who took it, and restore the site from its last backup (`saas restore`). A tenant that nobody needs any more can be"
	" archived or removed as it is (--without-site)."
)
USER_LOST = (
	"Nothing to do, and nothing to restore: he is made again as its site_config.json has him, with the next look of every ten minutes, or at once"
	" with `saas restore-lost {0}`."
)
LET_GO = "Nothing to do: it is opened by itself, with the next look of every ten minutes."
HALF_MIGRATED = "Nothing is done by itself, for the site itself was being migrated, and may be half migrated: restore it from its last backup (`saas restore`)."
STALE_THEN = "Nothing to do: it is Stale from now on, and is pruned and built anew like any stale image."
ANOTHER = "Nothing to do: it is discarded, and another one takes its place."
NO_WAY_BACK = (
	"Nothing is done by itself, and the site is not touched. It cannot be swapped in any more: press Drop on it, and copy the site anew if a"
	" copy is needed."
)
MADE_AGAIN = "Nothing to do: it is made again by itself."
IN_THE_WAY = "It cannot be made while another's record is in the way. Take that away at the DNS provider if nothing needs it; ours is made by itself then."
CHANGED_RECORD = "Nothing is done by itself. If nobody meant to, put the value back at the DNS provider, or delete it: ours is made again then."
FOREIGN_RECORD = "Nothing is done to it. Visitors may be led elsewhere by it: take it away at the DNS provider, or rename the tenant (`saas rename`)."
RECORD_GOES = (
	"Nothing to do: it is removed by itself once it has been seen for an hour. Press Ignore to keep it."
)
SHADOWED_NAME = "Nothing is done to it. Take what is there away at the DNS provider, or choose *A record a tenant* in SaaS Settings."
UNKNOWN_RECORD = (
	"Nothing is done to it, for it may be a customer's: no record here says why it was made, as after this admin site was restored from an older"
	" backup. Take it away at the DNS provider when nobody needs it, with its mark."
)
SPARE_WILDCARD = "Nothing is done to it: names without a record of their own may go by it. Take it away at the DNS provider when none does, with its mark."
TAKEN_NAME = "Nothing is done by itself. Find out whose the name is; remove it from the other tenant (`saas domains remove`), or rename one of them."
ZONE_UNREAD = "Open the DNS Provider and save it: it is tried out, and says what is wrong."
