// Package certificate says in one file what a connector's program was found to do, and
// lets whoever has the key of the one who found it believe it.
//
// A certificate is a DSSE envelope around an in-toto Statement v1. Its subject is the
// program, by SHA-256; its predicate is a test result. What was tested and with what is
// in the descriptors of its configuration, in the words of [Claims]. Whatever lowers
// trust is among the failed tests, where every reader of such statements looks, and
// never in a field that a reader may ignore: [Sign] refuses such claims, and [Verify]
// refuses such a statement whoever signed it.
//
// The same claims under the same key are the same bytes, and no other form of an
// envelope is accepted: a changed bit anywhere is found. Everything here works offline,
// reads no clock and no file unless it says so, and reads at most [MaxSize] bytes.
//
// A certificate does not say who may be believed, for how long, or for what. That is a
// [Policy], and the reader's own.
package certificate
