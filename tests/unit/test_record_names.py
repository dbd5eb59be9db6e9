"""What ERPNext's set-up names its records by: no word names two of them."""

from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.tenant_site.record_names import LONGEST_WORD, RecordNames

JAPANESE = {
	"Bank Accounts": "銀行口座",
	"Bank Account": "銀行口座",
	"Stores": "店舗",
	"{0} cannot be its own parent": "{0} は自身の親にできません",
	"Abbreviation is mandatory.": "略称は必須です。",
	"Cash": "<b>現金</b>",
	"Stock": " ",
	"Main": "x" * (LONGEST_WORD + 1),
}


def names(translations: dict) -> RecordNames:
	return RecordNames(translations, alike=str.casefold)


def test_a_word_names_the_first_that_asks_and_the_second_is_named_in_english():
	found = names(JAPANESE)
	for _again in range(2):
		assert found.get("Bank Accounts") == "銀行口座"
		assert found.get("Bank Account") is None
		assert found.get("Stores") == "店舗"


def test_messages_and_words_that_name_nothing_stay_in_english():
	found = names(JAPANESE)
	unfit = ["{0} cannot be its own parent", "Abbreviation is mandatory.", "Cash", "Stock", "Main", "Unknown"]
	assert [found.get(text) for text in unfit] == [None] * len(unfit)


def test_a_translation_does_not_take_the_english_name_of_another():
	found = names({"Sales": "Service", "Service": "Service"})
	assert found.get("Service") == "Service"
	assert found.get("Sales") is None


texts = st.text(st.sampled_from("aAbB{<. "), min_size=1, max_size=3)


@given(translations=st.dictionaries(texts, texts), asked=st.lists(texts, max_size=20))
def test_no_two_texts_ever_share_a_translation(translations, asked):
	found = names(translations)
	words = {text: found.get(text) for text in asked}
	given = [word.casefold() for word in words.values() if word]
	assert len(given) == len(set(given))
	assert all(words[text] == found.get(text) for text in asked)
