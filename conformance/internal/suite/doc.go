// Package suite is what conformance cases are written in: a case, the lane that it
// runs in, and the verdict that it comes to.
//
// A case is a sentence that can be broken and a story that would break it. Its story
// plays in a [Lane]: a merchant of its own at the provider's simulator, a proxy in
// between that records and breaks, and the connector under test as a host sees it.
// Nothing in a lane is shared with another but the connector's process, so cases run
// side by side.
//
// A case cannot skip. What it returns decides: nil is a pass, an error a failure,
// [ErrBlocked], [ErrNotTestable] and [ErrSuite] mark the errors that say nothing about
// its own sentence. A few laws hold in every case and are checked by the lane itself:
// answers match their schema, errors are coherent, no secret is told, and the
// simulator's books obey arithmetic.
package suite
