// Package reference is the reference connector: every operation and every capability
// of the contract, for a card-like provider that lives in memory (package provider).
//
// It is written from the contract alone and is meant to be read beside it: one file
// for an operation, each of which asks, fails and translates; one table for statuses,
// one for errors. The conformance suite is proven on it, and what is wrong on purpose
// is made from it by replacing one behaviour at a time:
//
//   - what the connector says, by embedding a [Connector] and overriding a method;
//   - what it does to the provider, by wrapping [Options.Inside] or [Options.Outside],
//     which are what it reaches the provider through, and all that it does.
//
// # What it promises
//
// At most one write a call, never one again. Requests that depend on the call alone.
// An answer a little before the caller stops listening. NOT_ATTEMPTED only where not
// a byte of the request was sent or the provider says in its own words that it did
// nothing; an answer that is about something else than was asked is INTEGRITY, and in
// doubt.
//
// # What it does not do
//
// It keeps nothing between calls. It takes test mode only: there is no live provider.
// Refunds hang on the payment, so a capture that a refund names is not passed on.
package reference
