// Package wire spells the books' objects as Smartpay does in JSON: which fields
// there are, which are left out when empty, and what becomes an object instead
// of an identifier when the expanded form is asked for.
//
// It only reads. Output is compact, integers are integers, absent is absent;
// metadata alone is "{}" when empty (smartpay-api.md §1.5, §1.7). Fields that
// the provider documents as "or null" are null.
package wire
