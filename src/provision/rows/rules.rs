//! Rules CSV: what may be wrong with a subscriber table.

use crate::diagnose::{Rule, Severity};

/// Every rule of subscriber tables.
pub static RULES: &[&Rule] = &[
    &NO_HEADER,
    &UNKNOWN_COLUMN,
    &BAD_NUMBER,
    &BAD_IMSI,
    &DUPLICATE,
    &MISSING_VALUE,
    &FIELD_COUNT,
    &NOT_UTF_8,
    &BAD_VALUE,
    &QUOTING,
];

pub(super) const NO_HEADER: Rule = Rule {
    code: "CSV001",
    name: "no-header",
    severity: Severity::Error,
    clause: "impskit, subscriber CSV",
    summary: "the table has no header line with a column `msisdn`",
    help: "write the names of the columns in the first line, for instance `msisdn,user,password`; \
           if the cells are not separated by commas, say `--delimiter`",
    bad: "46701234567,romeo\n",
    good: "msisdn,user\n46701234567,romeo\n",
};

pub(super) const UNKNOWN_COLUMN: Rule = Rule {
    code: "CSV002",
    name: "unknown-column",
    severity: Severity::Error,
    clause: "impskit, subscriber CSV",
    summary: "the table has a column that means nothing, or the same one twice",
    help: "columns of your own begin with `x_`; an operator's own table is mapped by `[columns]`",
    bad: "msisdn,usr\n46701234567,romeo\n",
    good: "msisdn,user,x_team\n46701234567,romeo,verona\n",
};

pub(crate) const BAD_NUMBER: Rule = Rule {
    code: "CSV003",
    name: "bad-number",
    severity: Severity::Error,
    clause: "ITU-T E.164; impskit, subscriber CSV",
    summary: "`msisdn` is not a number in international form",
    help: "write country code and number, 7 to 15 digits, with or without `+`, without spaces and dashes",
    bad: "msisdn\n0701-234567\n",
    good: "msisdn\n+46701234567\n",
};

pub(crate) const BAD_IMSI: Rule = Rule {
    code: "CSV004",
    name: "bad-imsi",
    severity: Severity::Error,
    clause: "3GPP TS 23.003, IMSI; impskit, subscriber CSV",
    summary: "`imsi` does not have 14 or 15 digits",
    help: "take the IMSI of the SIM card, not the number of the card (ICCID) nor of the handset (IMEI)",
    bad: "msisdn,imsi\n46701234567,89460110000000000000\n",
    good: "msisdn,imsi\n46701234567,240011234567890\n",
};

/// Two rows with one number. A campaign finds them by the primary key of its store.
pub(crate) const DUPLICATE: Rule = Rule {
    code: "CSV005",
    name: "duplicate-subscriber",
    severity: Severity::Error,
    clause: "impskit, subscriber CSV",
    summary: "a subscriber has two rows",
    help: "keep one row a number: a handset would otherwise be sent two settings in no certain order",
    bad: "msisdn,user\n46701234567,romeo\n+46701234567,juliet\n",
    good: "msisdn,user\n46701234567,romeo\n46701234568,juliet\n",
};

/// A cell that the profile needs is empty.
pub const MISSING_VALUE: Rule = Rule {
    code: "CSV006",
    name: "missing-value",
    severity: Severity::Error,
    clause: "impskit, subscriber CSV",
    summary: "a value that is needed is not given",
    help: "fill the cell, or choose a profile that does without",
    bad: "msisdn,user\n,romeo\n",
    good: "msisdn,user\n46701234567,romeo\n",
};

/// A row has more or fewer fields than the header.
pub const FIELD_COUNT: Rule = Rule {
    code: "CSV007",
    name: "field-count",
    severity: Severity::Error,
    clause: "RFC 4180, section 2",
    summary: "a row has more or fewer fields than the header",
    help: "a value with the delimiter in it stands in quotes; empty cells keep their delimiters",
    bad: "msisdn,user,x_name\n46701234567,romeo,Montague, Romeo\n",
    good: "msisdn,user,x_name\n46701234567,romeo,\"Montague, Romeo\"\n",
};

/// A cell is not UTF-8.
pub const NOT_UTF_8: Rule = Rule {
    code: "CSV008",
    name: "not-utf-8",
    severity: Severity::Error,
    clause: "impskit, subscriber CSV",
    summary: "a cell is not UTF-8",
    help: "save the table as UTF-8: `iconv -f WINDOWS-1252 -t UTF-8` for most spreadsheets",
    // msisdn,user / 46701234567,r<F6>meo
    bad: "hex:6D 73 69 73 64 6E 2C 75 73 65 72 0A 34 36 37 30 31 32 33 34 35 36 37 2C 72 F6 6D 65 6F 0A",
    good: "msisdn,user\n46701234567,römeo\n",
};

/// A value that its column cannot hold.
pub const BAD_VALUE: Rule = Rule {
    code: "CSV009",
    name: "bad-value",
    severity: Severity::Error,
    clause: "impskit, subscriber CSV",
    summary: "a value does not have the form of its column",
    help: "write the value in the form of its column, or leave the cell empty where there is none",
    bad: "msisdn,pin,expires\n46701234567,12a4,tomorrow\n",
    good: "msisdn,pin,expires\n46701234567,1234,2026-11-23T12:00:00+01:00\n",
};

/// The quotes of a row do not match.
pub const QUOTING: Rule = Rule {
    code: "CSV010",
    name: "quoting",
    severity: Severity::Error,
    clause: "RFC 4180, section 2",
    summary: "a quote is left open, or stands where none may be",
    help: "a cell with a quote, the delimiter or a line end in it stands in quotes, and each quote in it is doubled; \
           the rows after this one are read as if it were not there",
    bad: "msisdn,user\n46701234567,\"romeo\n",
    good: "msisdn,user\n46701234567,\"ro\"\"meo\"\n",
};
