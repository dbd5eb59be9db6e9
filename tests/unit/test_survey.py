"""What a site's rows say before it is taken in: the same from a database and from a dump."""

import io

import pytest

from buildpro_saas.agent import dump
from buildpro_saas.agent.survey import DumpRows, told_by

DUMP = """-- MariaDB dump 10.19
CREATE TABLE `tabDefaultValue` (
  `name` varchar(140) NOT NULL,
  `parent` varchar(140),
  `defkey` varchar(140),
  `defvalue` text
);
INSERT INTO `tabDefaultValue` VALUES ('a','__global','installed_apps','[\\"frappe\\", \\"hrms\\"]'),
('b','__default','company','Old \\'Brothers\\''),('c','someone@old.example','company','Another');
CREATE TABLE `tabUser` (
  `name` varchar(140) NOT NULL,
  `creation` datetime,
  `email` varchar(140),
  `full_name` varchar(140),
  `enabled` int,
  `user_type` varchar(140)
);
INSERT INTO `tabUser` VALUES ('Administrator','2020-01-01','a@x.example','A',1,'System User'),
('late@x.example','2022-01-01','late@x.example','Late',1,'System User'),
('olga@x.example','2021-01-01','olga@x.example','Olga; (Old), 1',1,'System User'),
('gone@x.example','2020-05-01','gone@x.example','Gone',0,'System User'),
('buyer@x.example','2021-01-01','buyer@x.example',NULL,1,'Website User');
CREATE TABLE `tabHas Role` (
  `name` varchar(140) NOT NULL,
  `parent` varchar(140),
  `parenttype` varchar(140),
  `role` varchar(140)
);
INSERT INTO `tabHas Role` VALUES ('1','late@x.example','User','System Manager'),('2','olga@x.example','User','System Manager'),
('3','gone@x.example','User','System Manager'),('4','buyer@x.example','User','Customer');
CREATE TABLE `tabSingles` (
  `doctype` varchar(140),
  `field` varchar(140),
  `value` text
);
INSERT INTO `tabSingles` VALUES ('System Settings','country','Germany'),('System Settings','enable_scheduler','1'),
('Website Settings','country','France');
CREATE TABLE `tabCustom Field` (
  `name` varchar(140) NOT NULL,
  `is_system_generated` int
);
INSERT INTO `tabCustom Field` VALUES ('Note-own',0),('Note-of_an_app',1);
CREATE TABLE `tabDocType` (
  `name` varchar(140) NOT NULL,
  `custom` int
);
INSERT INTO `tabDocType` VALUES ('Note',0),('Site Diary',1);
CREATE TABLE `tabWebhook` (
  `name` varchar(140) NOT NULL,
  `enabled` int
);
INSERT INTO `tabWebhook` VALUES ('to the bank',1),('off',0);
-- Dump completed
"""


@pytest.fixture(scope="module")
def told():
	rows = DumpRows()
	dump.judge_stream(io.BytesIO(DUMP.encode()), "database.sql", see=rows.see)
	return told_by(rows.rows)


def test_apps_people_and_company_are_read_of_a_dump(told):
	assert told.apps == {"frappe": "", "hrms": ""}
	assert (told.users, told.others) == (2, 1)
	assert told.owner == {"email": "olga@x.example", "name": "Olga; (Old), 1"}
	assert told.company == "Old 'Brothers'" and told.region["country"] == "Germany"
	assert told.is_scheduled


def test_what_was_made_by_hand_is_listed_and_what_apps_made_is_not(told):
	assert told.customisations == {"Custom Field": ["Note-own"], "DocType": ["Site Diary"]}
	assert told.speaks == {"Webhook": ["to the bank"]}


def test_a_site_of_an_older_framework_tells_what_it_has():
	told = told_by({"tabUser": [{"name": "u", "enabled": "1"}], "tabCompany": [{"name": "B"}, {"name": "A"}]})
	assert told.apps == {} and told.owner == {} and told.company == "A" and told.companies == 2
	assert told.customisations == {} and not told.is_scheduled


def test_versions_come_from_the_table_that_has_them():
	rows = {
		"tabDefaultValue": [{"parent": "__global", "defkey": "installed_apps", "defvalue": '["frappe"]'}],
		"tabInstalled Application": [
			{"app_name": "frappe", "app_version": "15.1.0"},
			{"app_name": "crm", "app_version": "1.2"},
		],
	}
	assert told_by(rows).apps == {"frappe": "15.1.0", "crm": "1.2"}
