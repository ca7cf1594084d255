// Package skeleton is the HTTP side of a simulator: whoever has books and a dialect
// fills in a [Handler] and has a simulator that speaks [sim.Protocol].
//
//	mux.Handle("/sim/v1/", skeleton.New("/sim/v1", skeleton.About{Name: "acme"}, books))
//
// What a handler can do beyond a Handler's three methods it says by implementing
// [Buyer], [Clock], [Faulter], [Staff], [Announcer] or [Rotator]; there is no list to
// keep in step. The skeleton greets, keeps count of which lanes are open, reads requests
// strictly (a misspelt field is an error, and not a fault that never strikes), and
// answers 404, 400 and 501 where the protocol wants them, before the handler is asked.
//
// It answers peers on this machine only. It starts no goroutine, keeps nothing on disk,
// and needs nothing but the standard library and the protocol's words: it can be copied,
// or read by those who write a simulator in another language.
package skeleton
