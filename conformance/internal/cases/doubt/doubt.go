// Package doubt holds the cases about calls that do not end as they should: no answer,
// half an answer, somebody else's answer, a deadline, a caller who gives up. What is not
// known must be said to be unknown, what is known must be true, and the truth must be
// there for whoever looks afterwards.
//
// Each case breaks the connection in one way under one write of every kind that the
// connector offers. The provider's books decide who is right.
package doubt

import "github.com/connectorhost/connectorhost/conformance/internal/suite"

// Cases lists the cases.
func Cases() []suite.Case {
	var all []suite.Case
	for _, t := range troubles {
		all = append(all, t.asCase())
	}
	for _, t := range reading {
		all = append(all, t.asCase())
	}
	return append(all,
		unknownName, brokenTLS,
		rateLimitInSeconds, rateLimitAsDate, rateLimitUnsaid,
		cancelledCall, answersBeforeCaller,
		foundByReference, lateSuccess, visibleAfterDelay, foreignNotFound,
		evidence, robot, robotWhenLimited,
	)
}
