// Package load holds the cases about many calls at the same time, several accounts in one
// process, and calls without number: nothing is mixed up, nothing is shared that must not
// be, and nothing is left behind.
package load

import "github.com/connectorhost/connectorhost/conformance/internal/suite"

// Cases lists the cases.
func Cases() []suite.Case {
	return []suite.Case{
		manyPayments, manyCaptures, manyLookups,
		twoAccounts, secretsApart, wrongBesideRight, limitApart,
		refundsBeyond, capturesBeyond, captureAgainstVoid, captureAgainstRefund,
		strayAnswers,
		callsLeaveNothing, cancelledLeaveNothing, connectionsReused,
	}
}
