const POLL_SECONDS = 3;

// A job ends by itself: the page shows it without being asked.
function follow(frm) {
	frm.follow_timer = setInterval(() => {
		if (cur_frm === frm && !document.hidden) frm.reload_doc();
	}, POLL_SECONDS * 1000);
}

function stop_following(frm) {
	clearInterval(frm.follow_timer);
}
