// Package guard stands between a caller and the code of a connector's author.
//
// It refuses what the connector does not implement, what its schemas forbid and what
// is already too late, so that the author's code sees only requests that it can
// serve; and it turns what comes back, panics included, into an answer that cannot be
// misread and that gives no secret of the call away in words.
//
// It makes one call of the author's code for one of its own, keeps nothing between
// calls and starts no goroutine. It cannot end a call whose code ignores its context,
// nor survive a panic in a goroutine that the author started.
package guard
