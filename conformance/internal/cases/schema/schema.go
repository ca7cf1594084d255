// Package schema holds the cases about agreement: that a connector takes every request
// that its schemas allow and refuses, by name, every other.
//
// Requests are made from the schemas that bind the connector: the contract's, the
// manifest's facts and the manifest's own. Whether one is allowed is judged as a host
// judges it; the connector must come to the same.
package schema

import (
	"slices"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// Cases lists the cases.
func Cases() []suite.Case {
	cases := []suite.Case{cellsHaveSchemas, ownExamplesAreValid, answersMatch, optionalMayBeLeftOut, leastIsEnough}
	for _, op := range sdk.AllOperations() {
		cases = append(cases, illIsRefused(op), validIsTaken(op))
	}
	return slices.Clip(cases)
}
