// Package resilience holds the cases about accidents: processes that are killed at every
// point of a payment, providers that go away and come back, and all of it at random. What
// was done is known afterwards, what was not can be done, and nothing is done twice.
package resilience

import "github.com/connectorhost/connectorhost/conformance/internal/suite"

// Cases lists the cases.
func Cases() []suite.Case {
	return []suite.Case{
		killedBefore, killedAfter, killedBetween, killedWhileLooking,
		restartedBetweenSteps, takenOver, outage, staleConnections, slowProvider, walk,
	}
}
