// Package api is the HTTP API that merchants call.
//
// It speaks the published contract of Gr4vy, so that Gr4vy's official clients work
// against it: paths, statuses, field names, error envelopes, tokens. What this host
// decides where that contract is silent is said beside the code that decides it.
//
// A request is refused, with an HTTP error, before anything is stored or sent; what
// was sent is answered with a resource whose status says how it went, also where it
// failed. A refusal names every field at fault by a JSON Pointer into what the
// merchant sent. Reading changes nothing. A write that carries an Idempotency-Key
// happens at most once, and is answered with the same bytes each time.
//
// The package drives no payment and keeps no state that matters: it checks, hands on
// to the engine, and shows what is stored. It has no payment methods of its own,
// stores no buyers, and offers no gift cards, whatever its connectors can do.
package api
